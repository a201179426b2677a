// Contents recently watched by the people a person follows, highest engagement first, without own and seen contents.
// People blocked on either side do not count.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); friends:
//   how many of the followed people are used, those followed last; perFriend: how many of the newest watches of each; weights:
//   {progress, commented, shared, liked}; unknown: the engagement of a watch without any of these; limit.
// Columns: contentId, score (sum of the engagements), count (of people),
//   evidence (ids of up to three of them).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[follows:FOLLOWS]->(friend)
  WHERE NOT EXISTS { (me)-[:BLOCKED]-(friend) }
  RETURN friend
  ORDER BY follows.since IS NULL, follows.since DESC, friend.userId
  LIMIT $friends
}
CALL (friend) {
  MATCH (friend)-[watched:WATCHED]->(content)
  WHERE $label IN labels(content)
  RETURN watched, content
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, content.contentId
  LIMIT $perFriend
}
WITH me,
     friend,
     content,
     CASE
       WHEN coalesce(watched.progress, watched.commented, watched.shared, watched.liked) IS NULL THEN $unknown
       ELSE $weights.progress * coalesce(watched.progress, 0.0)
         + $weights.commented * CASE WHEN watched.commented THEN 1 ELSE 0 END
         + $weights.shared * CASE WHEN watched.shared THEN 1 ELSE 0 END
         + $weights.liked * CASE WHEN watched.liked THEN 1 ELSE 0 END
     END AS engagement
ORDER BY engagement DESC, friend.userId
WITH content, sum(engagement) AS score, count(*) AS count, collect(friend.userId)[..3] AS evidence
WHERE NOT content.contentId IN $seen
RETURN content.contentId AS contentId, score, count, evidence
ORDER BY score DESC, contentId
LIMIT $limit
