// Whom one person follows, and who of them follows back.
// Parameters: userId.
// Columns: userId, name, followsBack, since (date of the follow), followers (count). Looks at 1,000 follows, shows 50.
MATCH (me:User {userId: $userId})-[follows:FOLLOWS]->(friend:User)
WITH me, follows, friend
LIMIT 1000
WITH follows, friend, EXISTS { (friend)-[:FOLLOWS]->(me) } AS followsBack
RETURN friend.userId AS userId,
       friend.name AS name,
       followsBack,
       CASE WHEN follows.since IS NOT NULL THEN date(datetime({epochMillis: follows.since})) END AS since,
       COUNT { (friend)<-[:FOLLOWS]-() } AS followers
ORDER BY followsBack DESC, followers DESC, userId
LIMIT 50
