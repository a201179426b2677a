// What the graph knows about a content that is not taken down.
// Parameters: contentIds (how it may be spelled: the first that the graph has is answered).
// Columns: contentId, kind, properties, watchers (count), madeBy (ids; not of makers marked private), uses (ids of beats),
//   usedBy (count of keaks), genres, moods, hashtags (names).
UNWIND range(0, size($contentIds) - 1) AS place
MATCH (content:Content {contentId: $contentIds[place]})
WHERE NOT coalesce(content.takenDown, false)
WITH content
ORDER BY place
LIMIT 1
RETURN content.contentId AS contentId,
       CASE WHEN content:Beat THEN 'beat' WHEN content:Track THEN 'track' ELSE 'keak' END AS kind,
       properties(content) AS properties,
       CASE
         WHEN COUNT { (content)<-[:WATCHED]-() } > 10000 THEN coalesce(content.audience, 0)
         ELSE COUNT {
           MATCH (content)<-[watched:WATCHED]-()
           WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
         }
       END AS watchers,
       COLLECT {
         MATCH (content)<-[:MADE]-(maker:User)
         WHERE NOT coalesce(maker.isPrivate, false)
         RETURN maker.userId
       } AS madeBy,
       COLLECT {
         MATCH (content)-[:USES]->(beat:Beat)
         WHERE NOT coalesce(beat.takenDown, false)
         RETURN beat.contentId
       } AS uses,
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
