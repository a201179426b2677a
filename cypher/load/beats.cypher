// Create or update beats.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (beat:Content {contentId: row.id})
SET beat:Beat,
    beat += row.properties
