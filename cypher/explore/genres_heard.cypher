// Each genre with the number of people who listen to it or create in it, and the number of its beats.
// Parameters: none.
// Columns: genre, listeners, creators, beats.
MATCH (genre:Genre)
RETURN coalesce(genre.name, genre.genreId) AS genre,
       COUNT { (genre)<-[:LISTENS_TO]-() } AS listeners,
       COUNT { (genre)<-[:CREATES_IN]-() } AS creators,
       COUNT { (genre)<-[:HAS_GENRE]-() } AS beats
ORDER BY listeners DESC, genre
