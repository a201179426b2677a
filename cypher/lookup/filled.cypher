// What the graph holds, if anything.
// Parameters: none.
// Columns: people, contents, playlists (whether there is any); one row.
RETURN EXISTS { (:User) } AS people, EXISTS { (:Content) } AS contents, EXISTS { (:Playlist) } AS playlists
