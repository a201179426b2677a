// The genres of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (content:Content)-[:HAS_GENRE]->(genre:Genre)
RETURN collect(id(content)) AS sources, collect(id(genre)) AS targets
