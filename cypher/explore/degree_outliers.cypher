// People who do far more than others: who watch or follow more than twenty times the average.
// Walks all people: takes some seconds on a large graph.
// Parameters: none.
// Columns: userId, name, watched, follows, followers (counts), timesAverage (of the larger of both). Shows 25.
MATCH (user:User)
WITH avg(COUNT { (user)-[:WATCHED]->() }) AS watches, avg(COUNT { (user)-[:FOLLOWS]->() }) AS follows
WITH CASE WHEN watches > 0.0 THEN watches ELSE 1.0 END AS watches,
     CASE WHEN follows > 0.0 THEN follows ELSE 1.0 END AS follows
MATCH (user:User)
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
