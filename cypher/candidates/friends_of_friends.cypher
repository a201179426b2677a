// Whom a person may want to follow: people followed by the people they follow, blocked ones left out.
// Parameters: userId; friends, perFriend: caps of the first and the second step; limit.
// Columns: userId, mutualCount, mutual (ids of up to three of the people in between), followers.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:FOLLOWS]->(friend:User)
  RETURN friend
  LIMIT $friends
}
CALL (friend) {
  MATCH (friend)-[:FOLLOWS]->(person:User)
  RETURN person
  LIMIT $perFriend
}
WITH me, person, count(*) AS mutualCount, collect(friend.userId)[..3] AS mutual
WHERE person <> me
WITH me, person, mutualCount, mutual
ORDER BY mutualCount DESC, person.userId
WHERE NOT EXISTS { (me)-[:FOLLOWS]->(person) }
  AND NOT EXISTS { (me)-[:BLOCKED]-(person) }
RETURN person.userId AS userId,
       mutualCount,
       mutual,
       COUNT { (person)<-[:FOLLOWS]-() } AS followers
LIMIT $limit
