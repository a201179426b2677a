// The genres people make music in.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (user:User)-[:CREATES_IN]->(genre:Genre)
RETURN collect(user.userId) AS sources, collect(genre.genreId) AS targets
