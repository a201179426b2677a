// How long people watched contents, one row of a file each, for a block of sources.
// Parameters: numbers (Neo4j's own of the sources).
// Columns: one row of lists of the same length: sources, targets (numbers), row, ratio, at.
UNWIND $numbers AS number
MATCH (user:User)-[relationship:WATCH_RATIO]->(content)
WHERE id(user) = number
WITH collect(number) AS sources, collect(id(content)) AS targets, collect(properties(relationship)) AS rows
RETURN sources,
       targets,
       [row IN rows | row.row] AS row,
       [row IN rows | row.ratio] AS ratio,
       [row IN rows | row.at] AS at
