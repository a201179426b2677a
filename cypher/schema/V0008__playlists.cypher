// What identifies playlists.
CREATE CONSTRAINT playlist_id IF NOT EXISTS
FOR (playlist:Playlist)
REQUIRE playlist.playlistId IS UNIQUE;
