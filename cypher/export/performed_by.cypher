// The artists of tracks.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers).
MATCH (track:Content)-[:PERFORMED_BY]->(artist:Artist)
RETURN collect(id(track)) AS sources, collect(id(artist)) AS targets
