// Say whose session it was.
// Parameters: rows of [user, [[session], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS end
MATCH (session:Session {sessionId: end[0]})
MERGE (user)-[:OPENED]->(session)
