// Who watched what, for a block of sources.
// Parameters: numbers (Neo4j's own of the sources).
// Columns: one row of lists of the same length: sources, targets (numbers), progress, liked, commented, shared,
//   watchCount, firstAt, lastAt.
UNWIND $numbers AS number
MATCH (user:User)-[relationship:WATCHED]->(content)
WHERE id(user) = number
WITH collect(number) AS sources, collect(id(content)) AS targets, collect(properties(relationship)) AS watches
RETURN sources,
       targets,
       [watch IN watches | watch.progress] AS progress,
       [watch IN watches | watch.liked] AS liked,
       [watch IN watches | watch.commented] AS commented,
       [watch IN watches | watch.shared] AS shared,
       [watch IN watches | coalesce(watch.watchCount, 1)] AS watchCount,
       [watch IN watches | watch.firstAt] AS firstAt,
       [watch IN watches | watch.lastAt] AS lastAt
