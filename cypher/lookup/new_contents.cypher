// The newest contents with what a model places them by whose training never saw them.
// Parameters: since (ms): only what was created later; scanned: how many at most, the newest; watchers: how many people who
//   watched one are named at most.
// Columns: contentId, kind, properties, watched, made (user ids), uses (content ids), genres, moods (ids), hashtags
//   (names); the newest first.
MATCH (content:Content)
WHERE content.createdAt > $since
WITH content
ORDER BY content.createdAt DESC
LIMIT $scanned
RETURN content.contentId AS contentId,
       CASE WHEN content:Beat THEN 'beat' ELSE 'keak' END AS kind,
       properties(content) AS properties,
       COLLECT {
         MATCH (content)<-[:WATCHED]-(watcher:User)
         RETURN watcher.userId
         LIMIT $watchers
       } AS watched,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker.userId } AS made,
       COLLECT { MATCH (content)-[:USES]->(beat:Beat) RETURN beat.contentId } AS uses,
       COLLECT { MATCH (content)-[:HAS_GENRE]->(genre:Genre) RETURN genre.genreId } AS genres,
       COLLECT { MATCH (content)-[:HAS_MOOD]->(mood:Mood) RETURN mood.moodId } AS moods,
       COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag.name } AS hashtags
