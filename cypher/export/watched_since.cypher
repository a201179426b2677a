// Who watched what again or for the first time, since a time.
// Parameters: since (ms).
// Columns: source, target (numbers), progress, liked, commented, shared, watchCount, firstAt, lastAt.
MATCH (user:User)-[relationship:WATCHED]->(content:Content)
WHERE relationship.lastAt >= $since
RETURN id(user) AS source,
       id(content) AS target,
       relationship.progress AS progress,
       relationship.liked AS liked,
       relationship.commented AS commented,
       relationship.shared AS shared,
       relationship.watchCount AS watchCount,
       relationship.firstAt AS firstAt,
       relationship.lastAt AS lastAt
