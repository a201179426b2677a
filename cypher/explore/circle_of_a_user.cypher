// The circle of one person, to be drawn: people they follow, and who of these follow each other.
// Parameters: userId.
// Columns: me, follows, friend, between. Shows 40 people and 10 follows of each to the others.
MATCH (me:User {userId: $userId})-[follows:FOLLOWS]->(friend:User)
WITH me, follows, friend
LIMIT 40
OPTIONAL MATCH (friend)-[between:FOLLOWS]->(:User)<-[:FOLLOWS]-(me)
RETURN me, follows, friend, collect(between)[..10] AS between
