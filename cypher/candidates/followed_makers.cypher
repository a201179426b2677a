// The newest contents made by the people one follows, seen ones left out.
// Parameters: userId; label (Content, Keak or Beat); friends, perFriend: caps of the two steps; limit.
// Columns: contentId, score (1 for the newest, falling by rank), count (of followed makers),
//   evidence (ids of up to three of them).
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
WITH me, content, collect(friend.userId)[..3] AS evidence
ORDER BY content.createdAt IS NULL, content.createdAt DESC, content.contentId
WITH me, collect({content: content, evidence: evidence}) AS found
CALL (me) {
  MATCH (me)-[:WATCHED|MADE]->(content:Content)
  RETURN collect(content) AS seen
}
WITH [row IN found WHERE NOT row.content IN seen][..$limit] AS found
UNWIND range(0, size(found) - 1) AS rank
RETURN found[rank].content.contentId AS contentId,
       1.0 / (1 + rank) AS score,
       size(found[rank].evidence) AS count,
       found[rank].evidence AS evidence
