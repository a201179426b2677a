// Which beat each keak uses.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (ids).
MATCH (keak:Content)-[:USES]->(beat:Content)
RETURN collect(keak.contentId) AS sources, collect(beat.contentId) AS targets
