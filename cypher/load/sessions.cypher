// Create or update sessions. One that holds other plays than before loses them: load/played writes the new ones.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (session:Session {sessionId: row.id})
WITH session, row
CALL (session, row) {
  MATCH (session)-[played:PLAYED]->(:Content)
  WHERE coalesce(session.digest, '') <> row.properties.digest
  DELETE played
}
SET session += row.properties
