// Keaks over the beats that a person used or watched, without own and seen ones.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); items: how
//   many of the person's contents, the newest, give beats; beats: how many beats are used; perBeat: how many keaks of
//   each, the most watched; limit.
// Columns: contentId, score (number of the person's contents with the beat, plus popularity between 0 and 1 to break ties),
//   count (of these contents), evidence (ids of up to three beats).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[did:MADE|WATCHED]->(item:Content)
  WITH item, max(coalesce(did.lastAt, item.createdAt)) AS at
  RETURN item
  ORDER BY at IS NULL, at DESC, item.contentId
  LIMIT $items
}
MATCH (item)-[:USES]->{0,1}(beat:Beat)
WITH me, beat, count(DISTINCT item) AS own
ORDER BY own DESC, beat.contentId
LIMIT $beats
CALL (beat) {
  MATCH (beat)<-[:USES]-(content:Keak)
  RETURN content
  ORDER BY coalesce(content.audience, 0) DESC, content.contentId
  LIMIT $perBeat
}
WITH me, content, beat, own
ORDER BY own DESC, beat.contentId
WITH me, content, sum(own) AS count, collect(beat.contentId)[..3] AS evidence, coalesce(content.audience, 0) AS audience
WHERE $label IN labels(content)
  AND NOT content.contentId IN $seen
WITH content, count, evidence, count + audience / (audience + 100.0) AS score
RETURN content.contentId AS contentId, score, count, evidence
ORDER BY score DESC, contentId
LIMIT $limit
