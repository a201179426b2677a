// Delete sessions with their plays.
// Parameters: rows of session ids.
// Columns: none.
UNWIND $rows AS row
MATCH (session:Session {sessionId: row})
DETACH DELETE session
