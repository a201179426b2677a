// Create or update genres.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (genre:Genre {genreId: row.id})
SET genre += row.properties
