// More from the beats one used or watched: keaks over the same beat, own and seen ones left out.
// Parameters: userId; label (Content, Keak or Beat); items: cap of the contents that lead to beats; perBeat: cap of the
//   keaks of one beat; limit.
// Columns: contentId, score (contents of one's own that lead there, with popularity between 0 and 1 to break ties),
//   count (of those contents), evidence (ids of up to three beats).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:MADE|WATCHED]->(item:Content)
  RETURN item
  LIMIT $items
}
MATCH (item)-[:USES]->{0,1}(beat:Beat)
WITH me, beat, count(DISTINCT item) AS own
ORDER BY own DESC, beat.contentId
LIMIT $items
CALL (beat) {
  MATCH (beat)<-[:USES]-(content:Keak)
  RETURN content
  LIMIT $perBeat
}
WITH me, content, sum(own) AS count, collect(beat.contentId)[..3] AS evidence, coalesce(content.audience, 0) AS audience
WHERE $label IN labels(content)
WITH me, content, count, evidence, count + audience / (audience + 100.0) AS score
WITH me, collect({content: content, score: score, count: count, evidence: evidence}) AS found
CALL (me) {
  MATCH (me)-[:WATCHED|MADE]->(content:Content)
  RETURN collect(content) AS seen
}
UNWIND found AS row
WITH row.content AS content, row.score AS score, row.count AS count, row.evidence AS evidence, seen
WHERE NOT content IN seen
RETURN content.contentId AS contentId, score, count, evidence
ORDER BY score DESC, contentId
LIMIT $limit
