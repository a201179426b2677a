// The freshest facts about each candidate that decide whether it may be shown to a person, and how it is shown.
// Parameters: userId (may be unknown), contentIds, watched (ids of contents, filters/seen), wanted (a map of genres, moods,
//   hashtags, makers and since, as in candidates/popular).
// Columns: contentId, kind, link, madeBy (ids in order; not of makers marked private), seen, own, hidden, blocked (made by
//   somebody the person blocked or who blocked them), takenDown, wanted. Contents the graph does not have give no row.
OPTIONAL MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:HID]->(content:Content)
  RETURN collect(content) AS hid
}
CALL (me) {
  MATCH (me)-[:BLOCKED]-(person:User)
  RETURN collect(person) AS avoided
}
UNWIND $contentIds AS contentId
MATCH (content:Content {contentId: contentId})
WITH me,
     contentId,
     hid,
     avoided,
     content,
     COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker ORDER BY maker.userId } AS makers
RETURN content.contentId AS contentId,
       CASE WHEN content:Beat THEN 'beat' WHEN content:Track THEN 'track' ELSE 'keak' END AS kind,
       content.link AS link,
       [maker IN makers WHERE NOT coalesce(maker.isPrivate, false) | maker.userId] AS madeBy,
       contentId IN $watched AS seen,
       coalesce(me IN makers, false) AS own,
       content IN hid AS hidden,
       coalesce(content.takenDown, false) AS takenDown,
       any(maker IN makers WHERE maker IN avoided) AS blocked,
       coalesce(($wanted.genres IS NULL
           OR EXISTS {
             MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
             WHERE toLower(genre.genreId) IN $wanted.genres
               OR toLower(genre.name) IN $wanted.genres
           })
         AND ($wanted.moods IS NULL
           OR EXISTS {
             MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_MOOD]->(mood:Mood)
             WHERE toLower(mood.moodId) IN $wanted.moods
               OR toLower(mood.name) IN $wanted.moods
           })
         AND ($wanted.hashtags IS NULL
           OR EXISTS {
             MATCH (content)-[:TAGGED]->(hashtag:Hashtag)
             WHERE toLower(hashtag.name) IN $wanted.hashtags
           })
         AND ($wanted.makers IS NULL
           OR EXISTS {
             MATCH (content)<-[:MADE]-(maker:User)
             WHERE maker.userId IN $wanted.makers
               AND NOT coalesce(maker.isPrivate, false)
           })
         AND ($wanted.since IS NULL
           OR content.createdAt >= $wanted.since), false) AS wanted
