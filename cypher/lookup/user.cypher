// What the graph knows about a person. Follows between people who blocked one another are not counted.
// Parameters: userId.
// Columns: properties, follows, followers, watched, made (counts), listensTo, createsIn (names of genres).
MATCH (me:User {userId: $userId})
WITH me, COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person } AS blocked
RETURN me {.*, saidPrivate: null} AS properties,
       COUNT { (me)-[:FOLLOWS]->() } - COUNT { UNWIND blocked AS person MATCH (me)-[:FOLLOWS]->(person) } AS follows,
       COUNT { (me)<-[:FOLLOWS]-() } - COUNT { UNWIND blocked AS person MATCH (me)<-[:FOLLOWS]-(person) } AS followers,
       COUNT {
         MATCH (me)-[watched:WATCHED]->()
         WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
       } AS watched,
       COUNT { (me)-[:MADE]->() } AS made,
       COLLECT {
         MATCH (me)-[:LISTENS_TO]->(genre:Genre)
         RETURN coalesce(genre.name, genre.genreId) AS name
         ORDER BY name
       } AS listensTo,
       COLLECT {
         MATCH (me)-[:CREATES_IN]->(genre:Genre)
         RETURN coalesce(genre.name, genre.genreId) AS name
         ORDER BY name
       } AS createsIn
