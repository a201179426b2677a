// Publish contents, correct them, or bring back those that were taken down. Makers become known by it; a content whose
// beats are not all there is left as it is.
// Parameters: rows of {place, id, kind (keak, beat or track), properties (null for a value that goes; what is left out
//   stays), makers, beats, genres, moods, hashtags (lists of ids, null for those that stay as they are)}; now (ms), the time of
//   creation of what is new and says none.
// Columns: told, the places of the rows that were written.
UNWIND $rows AS row
WITH row
WHERE all(beat IN coalesce(row.beats, []) WHERE EXISTS { (:Beat {contentId: beat}) })
MERGE (content:Content {contentId: row.id})
  ON CREATE SET content.createdAt = $now
SET content += row.properties,
    content.audience = coalesce(content.audience, 0),
    content.takenDown = null
FOREACH (_ IN CASE row.kind WHEN 'keak' THEN [0] ELSE [] END | SET content:Keak)
FOREACH (_ IN CASE row.kind WHEN 'beat' THEN [0] ELSE [] END | SET content:Beat)
FOREACH (_ IN CASE row.kind WHEN 'track' THEN [0] ELSE [] END | SET content:Track)
WITH row, content
CALL (row, content) {
  MATCH (maker:User)-[made:MADE]->(content)
  WHERE row.makers IS NOT NULL
    AND NOT maker.userId IN row.makers
  DELETE made
}
CALL (row, content) {
  UNWIND row.makers AS id
  MERGE (maker:User {userId: id})
  MERGE (maker)-[:MADE]->(content)
}
CALL (row, content) {
  MATCH (content)-[uses:USES]->(beat:Beat)
  WHERE row.beats IS NOT NULL
    AND NOT beat.contentId IN row.beats
  DELETE uses
}
CALL (row, content) {
  UNWIND row.beats AS id
  MATCH (beat:Beat {contentId: id})
  MERGE (content)-[:USES]->(beat)
}
CALL (row, content) {
  MATCH (content)-[has:HAS_GENRE]->(genre:Genre)
  WHERE row.genres IS NOT NULL
    AND NOT genre.genreId IN row.genres
  DELETE has
}
CALL (row, content) {
  UNWIND row.genres AS id
  MATCH (genre:Genre {genreId: id})
  MERGE (content)-[:HAS_GENRE]->(genre)
}
CALL (row, content) {
  MATCH (content)-[has:HAS_MOOD]->(mood:Mood)
  WHERE row.moods IS NOT NULL
    AND NOT mood.moodId IN row.moods
  DELETE has
}
CALL (row, content) {
  UNWIND row.moods AS id
  MATCH (mood:Mood {moodId: id})
  MERGE (content)-[:HAS_MOOD]->(mood)
}
CALL (row, content) {
  MATCH (content)-[tagged:TAGGED]->(hashtag:Hashtag)
  WHERE row.hashtags IS NOT NULL
    AND NOT hashtag.name IN row.hashtags
  DELETE tagged
}
CALL (row, content) {
  UNWIND row.hashtags AS name
  MATCH (hashtag:Hashtag {name: name})
  MERGE (content)-[:TAGGED]->(hashtag)
}
RETURN collect(row.place) AS told
