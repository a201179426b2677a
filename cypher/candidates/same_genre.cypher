// Popular contents of the genres that a person listens to, creates in or watched, without own and seen contents.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); items: how
//   many watched contents, the newest, give genres; genres: how many genres are used; perGenre: how many beats of each, the
//   most watched; perBeat: how many keaks of a beat with at most crowd keaks; walked: how many of the most watched keaks of
//   all are searched for keaks of the other beats; limit.
// Columns: contentId, score (popularity 0..1 times the genre's share in the person's taste), count (of genres shared),
//   evidence (names of up to three genres).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:LISTENS_TO|CREATES_IN]->(genre:Genre)
  RETURN genre, 3 AS weight
  UNION ALL
  MATCH (me)-[watched:WATCHED]->(item:Content)
  WITH item
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, item.contentId
  LIMIT $items
  MATCH (item)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
  RETURN genre, 1 AS weight
}
WITH me, genre, sum(weight) AS weight
ORDER BY weight DESC, genre.genreId
LIMIT $genres
WITH me, collect({genre: genre, weight: weight}) AS tastes, sum(weight) AS total
UNWIND tastes AS taste
WITH taste.genre AS genre, 1.0 * taste.weight / total AS share
CALL (genre) {
  MATCH (genre)<-[:HAS_GENRE]-(beat)
  WITH coalesce(beat.audience, 0) AS audience, collect(beat) AS beats
  ORDER BY audience DESC
  LIMIT $perGenre
  UNWIND beats AS beat
  RETURN beat
  ORDER BY audience DESC, beat.contentId
  LIMIT $perGenre
}
WITH collect(beat) AS beats, collect({genre: genre, share: share, beat: beat}) AS found
CALL (beats) {
  WITH beats
  WHERE any(beat IN beats WHERE COUNT { (beat)<-[:USES]-() } > $crowd)
  CALL () {
    MATCH (content:Keak)
    WHERE content.audience > 0
    RETURN content
    ORDER BY content.audience DESC, content.contentId
    LIMIT $walked
  }
  MATCH (content)-[:USES]->(used:Beat)
  RETURN collect({keak: content, beat: used}) AS popular
}
UNWIND found AS one
WITH popular, one.genre AS genre, one.share AS share, one.beat AS beat
CALL (popular, beat) {
  WITH beat AS content
  WHERE NOT content.contentId IN $seen
  RETURN content
  UNION ALL
  WITH beat
  WHERE COUNT { (beat)<-[:USES]-() } <= $crowd
  MATCH (beat)<-[:USES]-(content:Keak)
  WITH content
  ORDER BY coalesce(content.audience, 0) DESC, content.contentId
  WHERE NOT content.contentId IN $seen
  RETURN content
  LIMIT $perBeat
  UNION ALL
  WITH popular, beat
  WHERE COUNT { (beat)<-[:USES]-() } > $crowd
  UNWIND [row IN popular WHERE row.beat = beat | row.keak] AS content
  WITH content
  ORDER BY content.audience DESC, content.contentId
  WHERE NOT content.contentId IN $seen
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
