// Contents that a person watched some time ago with much engagement, the most first. Asked only where they may come again.
// Parameters: userId; label (Content, Keak, Beat or Track); items: how many of the watches are used, the newest of those long
//   enough ago; before: the latest time that is (ms); least: the least engagement; weights, unknown (see followed_activity);
//   limit.
// Columns: contentId, score (the engagement), count (1), evidence (empty), at (ms, the last watch).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[watched:WATCHED]->(content)
  WHERE watched.lastAt <= $before
    AND $label IN labels(content)
  RETURN watched, content
  ORDER BY watched.lastAt DESC, content.contentId
  LIMIT $items
}
WITH content,
     watched.lastAt AS at,
     CASE
       WHEN coalesce(watched.progress, watched.commented, watched.shared, watched.liked) IS NULL THEN $unknown
       ELSE $weights.progress * coalesce(watched.progress, 0.0)
         + $weights.commented * CASE WHEN watched.commented THEN 1 ELSE 0 END
         + $weights.shared * CASE WHEN watched.shared THEN 1 ELSE 0 END
         + $weights.liked * CASE WHEN watched.liked THEN 1 ELSE 0 END
     END AS engagement
WHERE engagement >= $least
RETURN content.contentId AS contentId, engagement AS score, 1 AS count, [] AS evidence, at
ORDER BY score DESC, at DESC, contentId
LIMIT $limit
