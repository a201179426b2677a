// The people with most followers. It reads all people, which takes some seconds on a large graph.
// Parameters: none.
// Columns: userId, followers, made.
MATCH (user:User)
WITH user, COUNT { (user)<-[:FOLLOWS]-() } AS followers
ORDER BY followers DESC
LIMIT 25
RETURN user.userId AS userId, followers, COUNT { (user)-[:MADE]->() } AS made
