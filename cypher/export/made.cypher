// Who made what.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (user:User)-[:MADE]->(content:Content)
RETURN collect(user.userId) AS sources, collect(content.contentId) AS targets
