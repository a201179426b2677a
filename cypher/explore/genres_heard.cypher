// Which genres are listened to, created in, and there to be heard.
// Parameters: none.
// Columns: genre, listeners, creators, beats.
MATCH (genre:Genre)
RETURN coalesce(genre.name, genre.genreId) AS genre,
       COUNT { (genre)<-[:LISTENS_TO]-() } AS listeners,
       COUNT { (genre)<-[:CREATES_IN]-() } AS creators,
       COUNT { (genre)<-[:HAS_GENRE]-() } AS beats
ORDER BY listeners DESC, genre
