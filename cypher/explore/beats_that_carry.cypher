// The beats whose keaks are watched most.
// Parameters: none.
// Columns: beat, keaks, audience, genres.
MATCH (beat:Beat)<-[:USES]-(keak:Keak)
WITH beat, count(*) AS keaks, sum(coalesce(keak.audience, 0)) AS audience
ORDER BY audience DESC
LIMIT 25
RETURN beat.contentId AS beat,
       keaks,
       audience,
       COLLECT { MATCH (beat)-[:HAS_GENRE]->(genre:Genre) RETURN coalesce(genre.name, genre.genreId) } AS genres
