// Tracks that most often stand right after one another in playlists. Walks all playlists: takes long on a large graph.
// Parameters: none.
// Columns: first, firstBy, second, secondBy, playlists.
MATCH (playlist:Playlist)-[held:HOLDS]->(content:Content)
WITH playlist, content
ORDER BY held.place
WITH playlist, collect(content) AS tracks
UNWIND range(0, size(tracks) - 2) AS place
WITH tracks[place] AS one, tracks[place + 1] AS two, count(DISTINCT playlist) AS playlists
ORDER BY playlists DESC
LIMIT 25
RETURN coalesce(one.title, one.contentId) AS first,
       COLLECT { MATCH (one)-[:PERFORMED_BY]->(by:Artist) RETURN coalesce(by.name, by.artistId) } AS firstBy,
       coalesce(two.title, two.contentId) AS second,
       COLLECT { MATCH (two)-[:PERFORMED_BY]->(by:Artist) RETURN coalesce(by.name, by.artistId) } AS secondBy,
       playlists
