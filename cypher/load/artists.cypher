// Create or update artists.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (artist:Artist {artistId: row.id})
SET artist += row.properties
