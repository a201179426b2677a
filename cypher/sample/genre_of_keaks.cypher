// The genre of every keak, by the beat that it uses: the first by name where there are several.
// Parameters: none.
// Columns: numbers (Neo4j's own of the keaks), genres (names); one row.
MATCH (keak:Keak)-[:USES]->(:Beat)-[:HAS_GENRE]->(genre:Genre)
WITH keak, min(coalesce(genre.name, genre.genreId)) AS genre
RETURN collect(id(keak)) AS numbers, collect(genre) AS genres
