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
WITH me, collect({person: person, mutualCount: mutualCount, mutual: mutual}) AS found
CALL (me) {
  MATCH (me)-[:FOLLOWS]->(person:User)
  RETURN collect(person) AS followed
}
CALL (me) {
  MATCH (me)-[:BLOCKED]-(person:User)
  RETURN collect(person) AS avoided
}
UNWIND found AS row
WITH row.person AS person, row.mutualCount AS mutualCount, row.mutual AS mutual, followed, avoided
WHERE NOT person IN followed
  AND NOT person IN avoided
WITH person, mutualCount, mutual
ORDER BY mutualCount DESC, person.userId
LIMIT $limit
RETURN person.userId AS userId,
       mutualCount,
       mutual,
       COUNT { (person)<-[:FOLLOWS]-() } AS followers
