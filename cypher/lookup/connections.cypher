// Properties, newest watches, follows and followers of a person, for models whose training did not see this person.
// Parameters: userId; watches, people: most of each, the newest; crowd: with more followers than this, followers are left
//   out.
// Columns: properties, watched (content ids), follows, followers (user ids); no row for somebody the graph does not know.
MATCH (me:User {userId: $userId})
RETURN properties(me) AS properties,
       COLLECT {
         MATCH (me)-[watched:WATCHED]->(content)
         RETURN content.contentId
         ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, content.contentId
         LIMIT $watches
       } AS watched,
       COLLECT {
         MATCH (me)-[follows:FOLLOWS]->(followed)
         RETURN followed.userId
         ORDER BY follows.since IS NULL, follows.since DESC, followed.userId
         LIMIT $people
       } AS follows,
       COLLECT {
         WITH me
         WHERE COUNT { (me)<-[:FOLLOWS]-() } <= $crowd
         MATCH (me)<-[follows:FOLLOWS]-(follower)
         RETURN follower.userId
         ORDER BY follows.since IS NULL, follows.since DESC, follower.userId
         LIMIT $people
       } AS followers
