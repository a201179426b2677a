// Take from tracks the artists and genres that a newer catalogue does not name. Who then has nothing left goes.
// Parameters: rows of [track, [artist, ...], [genre, ...]]; with an empty list a track keeps those it has.
// Columns: none.
UNWIND $rows AS row
MATCH (track:Content {contentId: row[0]})
CALL (track, row) {
  MATCH (track)-[old:PERFORMED_BY]->(artist:Artist)
  WHERE size(row[1]) > 0 AND NOT artist.artistId IN row[1]
  DELETE old
  RETURN artist AS bare
  UNION
  MATCH (track)-[old:HAS_GENRE]->(genre:Genre)
  WHERE size(row[2]) > 0 AND NOT genre.genreId IN row[2]
  DELETE old
  RETURN genre AS bare
}
WITH DISTINCT bare
WHERE NOT EXISTS { (bare)--() }
DELETE bare
