// Which beat each keak uses.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (keak:Content)-[:USES]->(beat:Content)
RETURN collect(id(keak)) AS sources, collect(id(beat)) AS targets
