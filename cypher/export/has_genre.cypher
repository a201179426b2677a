// The genres of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (content:Content)-[:HAS_GENRE]->(genre:Genre)
RETURN collect(content.contentId) AS sources, collect(genre.genreId) AS targets
