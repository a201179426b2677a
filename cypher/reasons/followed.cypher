// Who among the people one follows watched each content, made it, or liked, shared or commented on it.
// Parameters: userId, contentIds; friends: cap of the people looked at; perFriend: cap of the watches of one of them.
// Columns: contentId, watched (count of people), liked, shared, commented (counts), people (ids of up to three, those
//   who liked it first), makers (ids of followed makers).
MATCH (me:User {userId: $userId})
MATCH (content:Content)
WHERE content.contentId IN $contentIds
WITH me, collect(content) AS contents
CALL (me, contents) {
  MATCH (me)-[:FOLLOWS]->(friend:User)
  WITH friend, contents
  LIMIT $friends
  CALL (friend) {
    MATCH (friend)-[watched:WATCHED]->(content:Content)
    RETURN watched, content
    LIMIT $perFriend
  }
  WITH friend, watched, content, contents
  WHERE content IN contents
  WITH content, friend, watched
  ORDER BY coalesce(watched.liked, false) DESC, friend.userId
  RETURN content,
         count(*) AS watched,
         sum(CASE WHEN watched.liked THEN 1 ELSE 0 END) AS liked,
         sum(CASE WHEN watched.shared THEN 1 ELSE 0 END) AS shared,
         sum(CASE WHEN watched.commented THEN 1 ELSE 0 END) AS commented,
         collect(friend.userId)[..3] AS people,
         [] AS makers
  UNION ALL
  UNWIND contents AS content
  MATCH (content)<-[:MADE]-(maker:User)
  WHERE EXISTS { (me)-[:FOLLOWS]->(maker) }
  RETURN content, 0 AS watched, 0 AS liked, 0 AS shared, 0 AS commented, [] AS people, collect(maker.userId) AS makers
}
RETURN content.contentId AS contentId,
       sum(watched) AS watched,
       sum(liked) AS liked,
       sum(shared) AS shared,
       sum(commented) AS commented,
       reduce(ids = [], part IN collect(people) | ids + part) AS people,
       reduce(ids = [], part IN collect(makers) | ids + part) AS makers
