// Artists whom the same people hear: how many heard both, and which share of those who heard either that is.
// Parameters: none.
// Columns: artist, other (names), listeners, otherListeners, both (counts of people), jaccard. Looks at the 50 artists with the
//   largest audience among the 1,000 tracks with the largest, and at 2,000 listeners of each; shows 25.
MATCH (track:Track)
WHERE track.audience > 0
WITH track
ORDER BY track.audience DESC
LIMIT 1000
MATCH (track)-[:PERFORMED_BY]->(artist:Artist)
WITH artist, sum(track.audience) AS audience
ORDER BY audience DESC, artist.artistId
LIMIT 50
CALL (artist) {
  MATCH (artist)<-[:PERFORMED_BY]-(:Track)<-[:WATCHED]-(person:User)
  WITH DISTINCT person
  LIMIT 2000
  RETURN collect(person) AS people
}
WITH {artist: artist, listeners: size(people)} AS heard, people
UNWIND people AS person
WITH person, collect(heard) AS theirs
UNWIND theirs AS one
UNWIND theirs AS two
WITH one, two
WHERE one.artist.artistId < two.artist.artistId
WITH one, two, count(*) AS both
WITH *, 1.0 * both / (one.listeners + two.listeners - both) AS jaccard
ORDER BY jaccard DESC, both DESC, one.artist.artistId, two.artist.artistId
LIMIT 25
RETURN coalesce(one.artist.name, one.artist.artistId) AS artist,
       coalesce(two.artist.name, two.artist.artistId) AS other,
       one.listeners AS listeners,
       two.listeners AS otherListeners,
       both,
       jaccard
