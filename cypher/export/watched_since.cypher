// Who watched what again or for the first time, or liked, commented or shared it or took that back, since a time.
// Parameters: since (ms).
// Columns: source, target (numbers), progress, liked, commented, shared, watchCount, firstAt, lastAt.
CALL () {
  MATCH (:User)-[relationship:WATCHED]->(:Content)
  WHERE relationship.lastAt >= $since
  RETURN relationship
  UNION
  MATCH (:User)-[relationship:WATCHED]->(:Content)
  WHERE relationship.likedAt >= $since
  RETURN relationship
  UNION
  MATCH (:User)-[relationship:WATCHED]->(:Content)
  WHERE relationship.commentedAt >= $since
  RETURN relationship
  UNION
  MATCH (:User)-[relationship:WATCHED]->(:Content)
  WHERE relationship.sharedAt >= $since
  RETURN relationship
}
RETURN id(startNode(relationship)) AS source,
       id(endNode(relationship)) AS target,
       relationship.progress AS progress,
       relationship.liked AS liked,
       relationship.commented AS commented,
       relationship.shared AS shared,
       coalesce(relationship.watchCount, 1) AS watchCount,
       relationship.firstAt AS firstAt,
       relationship.lastAt AS lastAt
