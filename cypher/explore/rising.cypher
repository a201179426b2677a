// What is watched most at present: each person who watched counts half as much after three days.
// Parameters: none.
// Columns: contentId, title, audience, made (date), genres. Shows 25.
MATCH (content:Content)
WHERE content.trend IS NOT NULL
WITH content
ORDER BY content.trend DESC, content.contentId
LIMIT 25
RETURN content.contentId AS contentId,
       content.title AS title,
       content.audience AS audience,
       CASE WHEN content.createdAt IS NOT NULL THEN date(datetime({epochMillis: content.createdAt})) END AS made,
       COLLECT {
         MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
         RETURN DISTINCT coalesce(genre.name, genre.genreId) AS name
         ORDER BY name
       } AS genres
