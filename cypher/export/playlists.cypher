// The playlists with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (playlist:Playlist)
WHERE id(playlist) = number
WITH collect(number) AS numbers, collect(properties(playlist)) AS playlists
RETURN numbers, [name IN $names | [playlist IN playlists | playlist[name]]] AS columns
