// The beats whose keaks are watched most.
// Parameters: none.
// Columns: beat (id), title, keaks (count), audience (sum over its keaks), genres. Shows 25.
MATCH (beat:Beat)<-[:USES]-(keak:Keak)
WITH beat, count(*) AS keaks, sum(coalesce(keak.audience, 0)) AS audience
ORDER BY audience DESC, beat.contentId
LIMIT 25
RETURN beat.contentId AS beat,
       beat.title AS title,
       keaks,
       audience,
       COLLECT { MATCH (beat)-[:HAS_GENRE]->(genre:Genre) RETURN coalesce(genre.name, genre.genreId) } AS genres
