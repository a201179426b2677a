// Who watched what again or for the first time, since a time.
// Parameters: since (ms).
// Columns: source, target (ids), progress, liked, commented, shared, watchCount, firstAt, lastAt.
MATCH (user:User)-[relationship:WATCHED]->(content:Content)
WHERE relationship.lastAt >= $since
RETURN user.userId AS source,
       content.contentId AS target,
       relationship.progress AS progress,
       relationship.liked AS liked,
       relationship.commented AS commented,
       relationship.shared AS shared,
       relationship.watchCount AS watchCount,
       relationship.firstAt AS firstAt,
       relationship.lastAt AS lastAt
