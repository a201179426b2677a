// Say who performs a track.
// Parameters: rows of [track, [[artist], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (track:Content {contentId: row[0]})
UNWIND row[1] AS end
MATCH (artist:Artist {artistId: end[0]})
MERGE (track)-[:PERFORMED_BY]->(artist)
