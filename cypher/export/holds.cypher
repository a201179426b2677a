// What playlists hold, for a block of sources.
// Parameters: numbers (Neo4j's own of the sources).
// Columns: one row of lists of the same length: sources, targets (numbers), place.
UNWIND $numbers AS number
MATCH (playlist:Playlist)-[relationship:HOLDS]->(content)
WHERE id(playlist) = number
RETURN collect(number) AS sources, collect(id(content)) AS targets, collect(relationship.place) AS place
