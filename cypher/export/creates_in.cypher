// The genres people make music in, for a block of sources.
// Parameters: ids (of the sources).
// Columns: one row of lists of the same length: sources (places in ids), targets (ids).
UNWIND range(0, size($ids) - 1) AS place
MATCH (:User {userId: $ids[place]})-[:CREATES_IN]->(genre:Genre)
RETURN collect(place) AS sources, collect(genre.genreId) AS targets
