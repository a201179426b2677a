// Put tracks into playlists: one relationship for each place, so that loading the same again changes nothing.
// Parameters: rows of [playlist, [[content, place], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (playlist:Playlist {playlistId: row[0]})
UNWIND row[1] AS entry
MATCH (content:Content {contentId: entry[0]})
MERGE (playlist)-[:HOLDS {place: entry[1]}]->(content)
