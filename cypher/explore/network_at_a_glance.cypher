// How large the network is.
// Parameters: none.
// Columns: what, count.
CALL () {
  MATCH (:User)
  RETURN 'users' AS what, count(*) AS count
  UNION ALL
  MATCH (:Keak)
  RETURN 'keaks' AS what, count(*) AS count
  UNION ALL
  MATCH (:Beat)
  RETURN 'beats' AS what, count(*) AS count
  UNION ALL
  MATCH (:Track)
  RETURN 'tracks' AS what, count(*) AS count
  UNION ALL
  MATCH (:Playlist)
  RETURN 'playlists' AS what, count(*) AS count
  UNION ALL
  MATCH ()-[:FOLLOWS]->()
  RETURN 'follows' AS what, count(*) AS count
  UNION ALL
  MATCH ()-[:WATCHED]->()
  RETURN 'watches' AS what, count(*) AS count
}
RETURN what, count
