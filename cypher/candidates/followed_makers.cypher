// The newest contents made by the people one follows, seen ones left out.
// Parameters: userId; label (Content, Keak or Beat); friends, perFriend: caps of the two steps; limit.
// Columns: contentId, score (1 for the newest, falling by rank), count (always 1), evidence (the maker's id).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:FOLLOWS]->(friend:User)
  RETURN friend
  LIMIT $friends
}
CALL (friend) {
  MATCH (friend)-[:MADE]->(content:Content)
  WHERE $label IN labels(content)
  RETURN content
  LIMIT $perFriend
}
WITH DISTINCT me, friend, content
ORDER BY content.createdAt IS NULL, content.createdAt DESC, content.contentId
WHERE NOT EXISTS { (me)-[:WATCHED|MADE]->(content) }
WITH friend, content
LIMIT $limit
WITH collect({friend: friend, content: content}) AS made
UNWIND range(0, size(made) - 1) AS rank
RETURN made[rank].content.contentId AS contentId,
       1.0 / (1 + rank) AS score,
       1 AS count,
       [made[rank].friend.userId] AS evidence
