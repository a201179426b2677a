// The moods of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (content:Content)-[:HAS_MOOD]->(mood:Mood)
RETURN collect(content.contentId) AS sources, collect(mood.moodId) AS targets
