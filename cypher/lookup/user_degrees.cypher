// How much every person watched and is followed. Walks all people: for benchmarks and for `entourage doctor`.
// Parameters: none.
// Columns: userId, watched, follows, followers.
MATCH (user:User)
RETURN user.userId AS userId,
       COUNT { (user)-[:WATCHED]->() } AS watched,
       COUNT { (user)-[:FOLLOWS]->() } AS follows,
       COUNT { (user)<-[:FOLLOWS]-() } AS followers
