// The people with most followers. It reads all people, which takes some seconds on a large graph.
// Parameters: none.
// Columns: userId, name, followers, made (counts). Shows 25.
MATCH (user:User)
WITH user, COUNT { (user)<-[:FOLLOWS]-() } AS followers
ORDER BY followers DESC, user.userId
LIMIT 25
RETURN user.userId AS userId, user.name AS name, followers, COUNT { (user)-[:MADE]->() } AS made
