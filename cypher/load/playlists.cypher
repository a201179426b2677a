// Create or update playlists. One that holds other tracks than before loses them: load/holds writes the new ones.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (playlist:Playlist {playlistId: row.id})
WITH playlist, row
CALL (playlist, row) {
  MATCH (playlist)-[held:HOLDS]->(:Content)
  WHERE playlist.digest <> row.properties.digest
  DELETE held
}
SET playlist += row.properties
