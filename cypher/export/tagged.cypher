// The hashtags of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (content:Content)-[:TAGGED]->(hashtag:Hashtag)
RETURN collect(content.contentId) AS sources, collect(hashtag.name) AS targets
