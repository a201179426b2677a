// Who made what.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (user:User)-[:MADE]->(content:Content)
RETURN collect(id(user)) AS sources, collect(id(content)) AS targets
