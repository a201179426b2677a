// The genres people make music in.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (user:User)-[:CREATES_IN]->(genre:Genre)
RETURN collect(id(user)) AS sources, collect(id(genre)) AS targets
