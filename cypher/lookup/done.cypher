// All that a person watched and whom they follow by now, for a model that knows the person from before.
// Parameters: userId; weights, unknown (see candidates/followed_activity).
// Columns: watched (of each content its id and the engagement), follows (user ids); no row for somebody the graph does
//   not know.
MATCH (me:User {userId: $userId})
RETURN COLLECT {
         MATCH (me)-[watched:WATCHED]->(content)
         RETURN [
           content.contentId,
           CASE
             WHEN coalesce(watched.progress, watched.commented, watched.shared, watched.liked) IS NULL THEN $unknown
             ELSE $weights.progress * coalesce(watched.progress, 0.0)
               + $weights.commented * CASE WHEN watched.commented THEN 1 ELSE 0 END
               + $weights.shared * CASE WHEN watched.shared THEN 1 ELSE 0 END
               + $weights.liked * CASE WHEN watched.liked THEN 1 ELSE 0 END
           END
         ]
       } AS watched,
       COLLECT { MATCH (me)-[:FOLLOWS]->(followed) RETURN followed.userId } AS follows
