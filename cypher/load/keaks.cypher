// Create or update keaks.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (keak:Content {contentId: row.id})
SET keak:Keak,
    keak += row.properties
