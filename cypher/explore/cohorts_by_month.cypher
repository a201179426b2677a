// People by the month in which they joined, and how many of each month watched, made or followed anything.
// Walks all people: takes some seconds on a large graph.
// Parameters: none.
// Columns: joined (month), people, watched, made, follow (counts of people). 120 months at most, the newest first.
MATCH (user:User)
WHERE user.createdAt IS NOT NULL
WITH user, datetime({epochMillis: user.createdAt}) AS at
WITH left(toString(at), 7) AS joined,
     count(*) AS people,
     sum(CASE
       WHEN EXISTS {
         MATCH (user)-[watched:WATCHED]->()
         WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
       } THEN 1
       ELSE 0
     END) AS watched,
     sum(CASE WHEN EXISTS { (user)-[:MADE]->() } THEN 1 ELSE 0 END) AS made,
     sum(CASE WHEN EXISTS { (user)-[:FOLLOWS]->() } THEN 1 ELSE 0 END) AS follow
RETURN joined, people, watched, made, follow
ORDER BY joined DESC
LIMIT 120
