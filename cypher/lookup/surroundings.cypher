// Properties and neighbours of contents, for models whose training did not see these contents.
// Parameters: contentIds; people: most watchers and makers of each; names: most beats, genres, moods and hashtags.
// Columns: contentId, kind, properties, watched, made (user ids), uses (content ids), genres, moods (ids), hashtags
//   (names). Contents the graph does not have give no row.
UNWIND $contentIds AS contentId
MATCH (content:Content {contentId: contentId})
RETURN content.contentId AS contentId,
       CASE WHEN content:Beat THEN 'beat' WHEN content:Track THEN 'track' ELSE 'keak' END AS kind,
       properties(content) AS properties,
       COLLECT { MATCH (content)<-[:WATCHED]-(watcher:User) RETURN watcher.userId LIMIT $people } AS watched,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker.userId LIMIT $people } AS made,
       COLLECT { MATCH (content)-[:USES]->(beat:Beat) RETURN beat.contentId LIMIT $names } AS uses,
       COLLECT { MATCH (content)-[:HAS_GENRE]->(genre:Genre) RETURN genre.genreId LIMIT $names } AS genres,
       COLLECT { MATCH (content)-[:HAS_MOOD]->(mood:Mood) RETURN mood.moodId LIMIT $names } AS moods,
       COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag.name LIMIT $names } AS hashtags
