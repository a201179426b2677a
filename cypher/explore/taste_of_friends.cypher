// Whether people share the taste of those they follow: how many contents both watched, liked, commented on or shared.
// Parameters: userId.
// Columns: userId, name, inCommon, ofTheirs (counts), jaccard (share of the contents of either). Looks at 100 follows.
MATCH (me:User {userId: $userId})-[:FOLLOWS]->(friend:User)
WITH me, friend
LIMIT 100
WITH me, friend, COUNT { (me)-[:WATCHED]->(:Content)<-[:WATCHED]-(friend) } AS inCommon
WITH friend, inCommon, COUNT { (friend)-[:WATCHED]->() } AS ofTheirs, COUNT { (me)-[:WATCHED]->() } AS ofMine
WHERE ofMine + ofTheirs > inCommon
RETURN friend.userId AS userId,
       friend.name AS name,
       inCommon,
       ofTheirs,
       1.0 * inCommon / (ofMine + ofTheirs - inCommon) AS jaccard
ORDER BY jaccard DESC, userId
