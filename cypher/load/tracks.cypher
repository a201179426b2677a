// Create or update tracks.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (track:Content {contentId: row.id})
SET track:Track,
    track += row.properties
