// A sample of the relationships within one or two steps of a person, one row each, for drawing.
// People blocked on either side, with what they made, people marked private (isPrivate) and contents taken down are left out.
// Parameters: userId; depth (1 or 2); perNode, perNeighbour: cap of each kind of relationship at the first and the second
//   step; limit: most rows, those of the first step first.
// Columns: step, type, source, sourceLabel, sourceName, target, targetLabel, targetName (ids prefixed, names for showing),
//   properties (of the relationship).
MATCH (me:User {userId: $userId})
WITH me, COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person } AS blocked
CALL (me, blocked) {
  MATCH (me)-[link:FOLLOWS]->(near:User)
  WHERE NOT near IN blocked
    AND NOT coalesce(near.isPrivate, false)
  RETURN link, near
  LIMIT $perNode
  UNION ALL
  MATCH (me)<-[link:FOLLOWS]-(near:User)
  WHERE NOT near IN blocked
    AND NOT coalesce(near.isPrivate, false)
  RETURN link, near
  LIMIT $perNode
  UNION ALL
  MATCH (me)-[link:WATCHED]->(near:Content)
  WHERE NOT EXISTS { MATCH (near)<-[:MADE]-(maker:User) WHERE maker IN blocked }
    AND NOT coalesce(near.takenDown, false)
  RETURN link, near
  LIMIT $perNode
  UNION ALL
  MATCH (me)-[link:MADE|LISTENS_TO|CREATES_IN]->(near)
  WHERE NOT coalesce(near.takenDown, false)
  RETURN link, near
  LIMIT $perNode
}
CALL (me, blocked, link, near) {
  RETURN 1 AS step, link AS found
  UNION ALL
  WITH me, blocked, near
  WHERE $depth > 1 AND near:User
  MATCH (near)-[found:FOLLOWS]->(far:User)
  WHERE NOT far IN blocked
    AND (far = me OR NOT coalesce(far.isPrivate, false))
  RETURN 2 AS step, found
  LIMIT $perNeighbour
  UNION ALL
  WITH blocked, near
  WHERE $depth > 1 AND near:User
  MATCH (near)-[found:WATCHED]->(far:Content)
  WHERE NOT EXISTS { MATCH (far)<-[:MADE]-(maker:User) WHERE maker IN blocked }
    AND NOT coalesce(far.takenDown, false)
  RETURN 2 AS step, found
  LIMIT $perNeighbour
  UNION ALL
  WITH me, blocked, near
  WHERE $depth > 1 AND near:Content
  MATCH (near)<-[found:WATCHED]-(far:User)
  WHERE NOT far IN blocked
    AND (far = me OR NOT coalesce(far.isPrivate, false))
  RETURN 2 AS step, found
  LIMIT $perNeighbour
  UNION ALL
  WITH blocked, near
  WHERE $depth > 1 AND near:Content
  MATCH (near)-[found:USES|HAS_GENRE|HAS_MOOD|TAGGED]->(far)
  WHERE NOT EXISTS { MATCH (far)<-[:MADE]-(maker:User) WHERE maker IN blocked }
    AND NOT coalesce(far.takenDown, false)
  RETURN 2 AS step, found
  LIMIT $perNeighbour
}
WITH found, min(step) AS step
ORDER BY step
LIMIT $limit
WITH step, found, startNode(found) AS source, endNode(found) AS target
RETURN step,
       type(found) AS type,
       coalesce('users/' + source.userId, source.contentId) AS source,
       [label IN ['User', 'Beat', 'Track', 'Keak'] WHERE label IN labels(source)][0] AS sourceLabel,
       coalesce(source.name, source.title, source.userId, source.contentId) AS sourceName,
       coalesce(
         'users/' + target.userId,
         target.contentId,
         'genres/' + target.genreId,
         'moods/' + target.moodId,
         'hashtags/' + target.name
       ) AS target,
       CASE
         WHEN target:User THEN 'User'
         WHEN target:Beat THEN 'Beat'
         WHEN target:Track THEN 'Track'
         WHEN target:Content THEN 'Keak'
         WHEN target:Genre THEN 'Genre'
         WHEN target:Mood THEN 'Mood'
         ELSE 'Hashtag'
       END AS targetLabel,
       coalesce(
         target.name,
         target.title,
         target.userId,
         target.contentId,
         target.genreId,
         target.moodId
       ) AS targetName,
       properties(found) AS properties
