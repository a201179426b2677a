// The hashtags of contents.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (content:Content)-[:TAGGED]->(hashtag:Hashtag)
RETURN collect(id(content)) AS sources, collect(id(hashtag)) AS targets
