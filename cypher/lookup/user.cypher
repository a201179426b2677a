// What the graph knows about a person.
// Parameters: userId.
// Columns: properties, follows, followers, watched, made (counts), listensTo, createsIn (names of genres).
MATCH (me:User {userId: $userId})
RETURN properties(me) AS properties,
       COUNT { (me)-[:FOLLOWS]->() } AS follows,
       COUNT { (me)<-[:FOLLOWS]-() } AS followers,
       COUNT { (me)-[:WATCHED]->() } AS watched,
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
