// What is popular in the genres one listens to, creates in or watched, own and seen contents left out.
// Parameters: userId; label (Content, Keak or Beat); items: cap of the watched contents that lead to genres; genres: how
//   many genres are followed up; scanned: how many beats of a genre are looked at for the perGenre most popular;
//   scannedKeaks, perBeat: the same for the keaks of one beat; limit.
// Columns: contentId, score (popularity 0..1 times the genre's share in one's taste), count (of genres shared),
//   evidence (names of up to three genres).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:LISTENS_TO|CREATES_IN]->(genre:Genre)
  RETURN genre, 3 AS weight
  UNION ALL
  MATCH (me)-[:WATCHED]->(item:Content)
  WITH item
  LIMIT $items
  MATCH (item)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
  RETURN genre, 1 AS weight
}
WITH me, genre, sum(weight) AS weight
ORDER BY weight DESC, genre.genreId
LIMIT $genres
WITH me, collect({genre: genre, weight: weight}) AS tastes, sum(weight) AS total
CALL (me) {
  MATCH (me)-[:WATCHED|MADE]->(content:Content)
  RETURN collect(content) AS seen
}
UNWIND tastes AS taste
WITH seen, taste.genre AS genre, 1.0 * taste.weight / total AS share
CALL (genre) {
  MATCH (genre)<-[:HAS_GENRE]-(beat:Content)
  WITH beat
  LIMIT $scanned
  RETURN beat
  ORDER BY coalesce(beat.audience, 0) DESC
  LIMIT $perGenre
}
CALL (seen, beat) {
  WITH seen, beat AS content
  WHERE NOT content IN seen
  RETURN content
  UNION ALL
  MATCH (beat)<-[:USES]-(content:Keak)
  WITH seen, content
  LIMIT $scannedKeaks
  WITH seen, content
  ORDER BY coalesce(content.audience, 0) DESC
  WHERE NOT content IN seen
  RETURN content
  LIMIT $perBeat
}
WITH content,
     sum(share) AS share,
     count(DISTINCT genre) AS count,
     collect(DISTINCT coalesce(genre.name, genre.genreId))[..3] AS evidence
WHERE $label IN labels(content)
WITH content, count, evidence, share, coalesce(content.audience, 0) AS audience
RETURN content.contentId AS contentId,
       share * audience / (audience + 100.0) AS score,
       count,
       evidence
ORDER BY score DESC, contentId
LIMIT $limit
