// What the graph holds by now of contents that were published, corrected or taken down.
// Parameters: ids.
// Columns: contents, a list of {id, kind, takenDown, title, link, created (ms), audience, trend; makers, uses, hashtags (ids);
//   genres, moods (lists of [id, name])}, without those that are not there.
UNWIND $ids AS contentId
MATCH (content:Content {contentId: contentId})
RETURN collect({
  id: contentId,
  kind: CASE WHEN content:Beat THEN 'beat' WHEN content:Track THEN 'track' ELSE 'keak' END,
  takenDown: coalesce(content.takenDown, false),
  title: content.title,
  link: content.link,
  created: content.createdAt,
  audience: coalesce(content.audience, 0),
  trend: content.trend,
  makers: COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker.userId },
  uses: COLLECT { MATCH (content)-[:USES]->(used:Content) RETURN used.contentId },
  hashtags: COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag.name },
  genres: COLLECT { MATCH (content)-[:HAS_GENRE]->(genre:Genre) RETURN [genre.genreId, genre.name] },
  moods: COLLECT { MATCH (content)-[:HAS_MOOD]->(mood:Mood) RETURN [mood.moodId, mood.name] }
}) AS contents
