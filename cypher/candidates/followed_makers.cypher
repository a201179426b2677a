// The newest contents made by the people a person follows, without seen ones.
// For a person who follows more than `friends` people, the newest contents of all are also searched for followed makers.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); friends,
//   perFriend: how many of the followed people are used, those followed last, and how many of the newest contents of each;
//   scanned: how many of the newest contents of all are searched; limit.
// Columns: contentId, score (1 for the newest, falling by rank), count (of followed makers),
//   evidence (ids of up to three of them).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[follows:FOLLOWS]->(friend:User)
  WITH friend
  ORDER BY follows.since IS NULL, follows.since DESC, friend.userId
  LIMIT $friends
  CALL (friend) {
    MATCH (friend)-[:MADE]->(content:Content)
    WHERE $label IN labels(content)
    RETURN content
    ORDER BY content.createdAt IS NULL, content.createdAt DESC, content.contentId
    LIMIT $perFriend
  }
  RETURN friend, content
  UNION
  WITH me
  WHERE COUNT { (me)-[:FOLLOWS]->() } > $friends
  CALL (me) {
    MATCH (me)-[:FOLLOWS]->(followed:User)
    RETURN collect(followed) AS followed
  }
  CALL () {
    MATCH (content:Content)
    WHERE content.createdAt IS NOT NULL
    RETURN content
    ORDER BY content.createdAt DESC, content.contentId
    LIMIT $scanned
  }
  MATCH (content)<-[:MADE]-(friend:User)
  WHERE friend IN followed
    AND $label IN labels(content)
  RETURN friend, content
}
WITH content, friend
WHERE NOT content.contentId IN $seen
WITH content, friend
ORDER BY friend.userId
WITH content, collect(friend.userId)[..3] AS evidence
ORDER BY content.createdAt IS NULL, content.createdAt DESC, content.contentId
LIMIT $limit
WITH collect({content: content, evidence: evidence}) AS found
UNWIND range(0, size(found) - 1) AS rank
RETURN found[rank].content.contentId AS contentId,
       1.0 / (1 + rank) AS score,
       size(found[rank].evidence) AS count,
       found[rank].evidence AS evidence
