// Numbers of watches, follows and followers of every person. It reads all people: for benchmarks and `entourage doctor`.
// Parameters: none.
// Columns: userId, watched, follows, followers.
MATCH (user:User)
RETURN user.userId AS userId,
       COUNT { (user)-[:WATCHED]->() } AS watched,
       COUNT { (user)-[:FOLLOWS]->() } AS follows,
       COUNT { (user)<-[:FOLLOWS]-() } AS followers
