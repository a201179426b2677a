// What the graph knows about a content.
// Parameters: contentId.
// Columns: kind, properties, watchers (count), madeBy (ids), uses (ids of beats), usedBy (count of keaks), genres, moods,
//   hashtags (names).
MATCH (content:Content {contentId: $contentId})
RETURN CASE WHEN content:Beat THEN 'beat' ELSE 'keak' END AS kind,
       properties(content) AS properties,
       COUNT { (content)<-[:WATCHED]-() } AS watchers,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker.userId } AS madeBy,
       COLLECT { MATCH (content)-[:USES]->(beat:Beat) RETURN beat.contentId } AS uses,
       COUNT { (content)<-[:USES]-() } AS usedBy,
       COLLECT {
         MATCH (content)-[:HAS_GENRE]->(genre:Genre)
         RETURN coalesce(genre.name, genre.genreId) AS name
         ORDER BY name
       } AS genres,
       COLLECT {
         MATCH (content)-[:HAS_MOOD]->(mood:Mood)
         RETURN coalesce(mood.name, mood.moodId) AS name
         ORDER BY name
       } AS moods,
       COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag.name ORDER BY hashtag.name } AS hashtags
