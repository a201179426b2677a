// The playlists that a track stands in, and what stands before and after it there.
// Parameters: trackId.
// Columns: playlist, place, before, after.
MATCH (:Content {contentId: $trackId})<-[held:HOLDS]-(playlist:Playlist)
WITH playlist, held.place AS place
ORDER BY playlist.playlistId, place
LIMIT 25
OPTIONAL MATCH (playlist)-[:HOLDS {place: place - 1}]->(left:Content)
OPTIONAL MATCH (playlist)-[:HOLDS {place: place + 1}]->(right:Content)
RETURN coalesce(playlist.name, playlist.playlistId) AS playlist,
       place,
       coalesce(left.title, left.contentId) AS before,
       coalesce(right.title, right.contentId) AS after
