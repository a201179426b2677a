// Whom a person may want to follow: people followed by the people they follow. Blocked people are left out, also in
// between; people marked private (isPrivate) are counted in between, and neither named nor proposed.
// Parameters: userId; friends, perFriend: caps of the first and the second step, those followed last; limit.
// Columns: userId, mutualCount, mutual (ids of up to three of the people in between), followers.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:BLOCKED]-(person:User)
  RETURN collect(person) AS avoided
}
CALL (me, avoided) {
  MATCH (me)-[follows:FOLLOWS]->(friend:User)
  WITH friend, avoided
  ORDER BY follows.since IS NULL, follows.since DESC, friend.userId
  LIMIT $friends
  WHERE NOT friend IN avoided
  RETURN friend
}
CALL (friend) {
  MATCH (friend)-[follows:FOLLOWS]->(person:User)
  RETURN person
  ORDER BY follows.since IS NULL, follows.since DESC, person.userId
  LIMIT $perFriend
}
WITH me, avoided, person, friend
ORDER BY friend.userId
WITH me,
     avoided,
     person,
     count(*) AS mutualCount,
     collect(CASE WHEN coalesce(friend.isPrivate, false) THEN null ELSE friend.userId END)[..3] AS mutual
WHERE person <> me
WITH me, avoided, collect({person: person, mutualCount: mutualCount, mutual: mutual}) AS found
CALL (me) {
  MATCH (me)-[:FOLLOWS]->(person:User)
  RETURN collect(person) AS followed
}
UNWIND found AS row
WITH row.person AS person, row.mutualCount AS mutualCount, row.mutual AS mutual, followed, avoided
WHERE NOT person IN followed
  AND NOT person IN avoided
  AND NOT coalesce(person.isPrivate, false)
WITH person, mutualCount, mutual
ORDER BY mutualCount DESC, person.userId
LIMIT $limit
RETURN person.userId AS userId,
       mutualCount,
       mutual,
       COUNT { (person)<-[:FOLLOWS]-() } AS followers
