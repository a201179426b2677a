// All genres that have an id.
// Parameters: none.
// Columns: id, properties.
MATCH (genre:Genre)
WHERE genre.genreId IS NOT NULL
RETURN genre.genreId AS id, properties(genre) AS properties
