// People who do far more than others: who watch or follow more than twenty times the average.
// Walks all people: takes some seconds on a large graph.
// Parameters: none.
// Columns: userId, name, watched, follows, followers (counts), timesAverage (of the larger of both). Shows 25.
MATCH (user:User)
WITH 1.0 * count(user) AS people
CALL () {
  MATCH (:User)-[watched:WATCHED]->()
  RETURN count(watched) AS watches
}
CALL () {
  MATCH (:User)-[follow:FOLLOWS]->()
  RETURN count(follow) AS follows
}
WITH CASE WHEN watches > 0 THEN watches / people ELSE 1.0 END AS watches,
     CASE WHEN follows > 0 THEN follows / people ELSE 1.0 END AS follows
WITH watches, follows, 20 * CASE WHEN watches < follows THEN watches ELSE follows END AS least
MATCH (user:User)
WHERE COUNT { (user)--() } > least // the number of all relationships is cheap, that of one type is not
WITH user,
     COUNT { (user)-[:WATCHED]->() } AS watched,
     COUNT { (user)-[:FOLLOWS]->() } AS followed,
     watches,
     follows
WITH user,
     watched,
     followed,
     CASE WHEN watched / watches > followed / follows THEN watched / watches ELSE followed / follows END AS times
WHERE times > 20
WITH user, watched, followed, times
ORDER BY times DESC, user.userId
LIMIT 25
RETURN user.userId AS userId,
       user.name AS name,
       watched,
       followed AS follows,
       COUNT { (user)<-[:FOLLOWS]-() } AS followers,
       round(times, 1) AS timesAverage
