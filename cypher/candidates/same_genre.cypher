// What is popular in the genres one listens to, creates in or watched, own and seen contents left out.
// Parameters: userId; label (Content, Keak or Beat); items: cap of the watched contents that lead to genres; genres: how
//   many genres are followed up; perGenre: cap of the beats of one genre; perBeat: cap of the keaks of one beat; limit.
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
UNWIND tastes AS taste
WITH me, taste.genre AS genre, 1.0 * taste.weight / total AS share
CALL (genre) {
  MATCH (genre)<-[:HAS_GENRE]-(beat:Content)
  RETURN beat
  ORDER BY coalesce(beat.audience, 0) DESC
  LIMIT $perGenre
}
CALL (beat) {
  RETURN beat AS content
  UNION ALL
  MATCH (beat)<-[:USES]-(content:Keak)
  RETURN content
  LIMIT $perBeat
}
WITH me, content, sum(share) AS share, count(DISTINCT genre) AS count, collect(DISTINCT genre.name)[..3] AS evidence
WHERE $label IN labels(content)
WITH me, content, count, evidence, coalesce(content.audience, 0) AS audience, share
WITH me, content, count, evidence, share * audience / (audience + 100.0) AS score
ORDER BY score DESC, content.contentId
WHERE NOT EXISTS { (me)-[:WATCHED|MADE]->(content) }
RETURN content.contentId AS contentId, score, count, evidence
LIMIT $limit
