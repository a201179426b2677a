// The genres people listen to.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (user:User)-[:LISTENS_TO]->(genre:Genre)
RETURN collect(user.userId) AS sources, collect(genre.genreId) AS targets
