// The genres people listen to.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (user:User)-[:LISTENS_TO]->(genre:Genre)
RETURN collect(id(user)) AS sources, collect(id(genre)) AS targets
