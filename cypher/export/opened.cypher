// Whose session it was.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (user:User)-[:OPENED]->(session:Session)
RETURN collect(id(user)) AS sources, collect(id(session)) AS targets
