// What each content has in common with what a person made, watched or said they listen to.
// Parameters: userId, contentIds; items: cap of the person's contents looked at.
// Columns: contentId, beats (ids of beats used by both), genres (names), hashtags (names), each up to three.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:MADE|WATCHED]->(item:Content)
  WITH item
  LIMIT $items
  RETURN collect(item) AS items
}
CALL (me, items) {
  UNWIND items AS item
  MATCH (item)-[:USES]->{0,1}(beat:Beat)
  RETURN collect(DISTINCT beat) AS ownBeats
}
CALL (me, items) {
  MATCH (me)-[:LISTENS_TO|CREATES_IN]->(genre:Genre)
  RETURN genre
  UNION
  UNWIND items AS item
  MATCH (item)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
  RETURN genre
}
WITH items, ownBeats, collect(genre) AS ownGenres
CALL (items) {
  UNWIND items AS item
  MATCH (item)-[:TAGGED]->(hashtag:Hashtag)
  RETURN collect(DISTINCT hashtag) AS ownHashtags
}
MATCH (content:Content)
WHERE content.contentId IN $contentIds
RETURN content.contentId AS contentId,
       COLLECT {
         MATCH (content)-[:USES]->{0,1}(beat:Beat)
         WHERE beat IN ownBeats
         RETURN DISTINCT beat.contentId
         LIMIT 3
       } AS beats,
       COLLECT {
         MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
         WHERE genre IN ownGenres
         RETURN DISTINCT coalesce(genre.name, genre.genreId)
         LIMIT 3
       } AS genres,
       COLLECT {
         MATCH (content)-[:TAGGED]->(hashtag:Hashtag)
         WHERE hashtag IN ownHashtags
         RETURN DISTINCT hashtag.name
         LIMIT 3
       } AS hashtags
