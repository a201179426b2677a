// Create or update sessions.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (session:Session {sessionId: row.id})
SET session += row.properties
