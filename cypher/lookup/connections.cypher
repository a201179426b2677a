// What a model places somebody by whom its training never saw: what they watched last, and who is around them.
// Parameters: userId; scanned: how many of the person's watches are looked at for the newest; watches, people: most of
//   each.
// Columns: properties, watched (content ids), follows, followers (user ids); no row for somebody the graph does not know.
MATCH (me:User {userId: $userId})
RETURN properties(me) AS properties,
       COLLECT {
         MATCH (me)-[watched:WATCHED]->(content)
         WITH watched, content
         LIMIT $scanned
         WITH watched, content
         ORDER BY watched.lastAt IS NULL, watched.lastAt DESC
         LIMIT $watches
         RETURN content.contentId
       } AS watched,
       COLLECT {
         MATCH (me)-[:FOLLOWS]->(followed)
         RETURN followed.userId
         LIMIT $people
       } AS follows,
       COLLECT {
         MATCH (me)<-[:FOLLOWS]-(follower)
         RETURN follower.userId
         LIMIT $people
       } AS followers
