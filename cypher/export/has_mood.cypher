// The moods of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (content:Content)-[:HAS_MOOD]->(mood:Mood)
RETURN collect(id(content)) AS sources, collect(id(mood)) AS targets
