// What people who watched the same contents watched besides: item → users → items, own and seen contents left out.
// Parameters: userId; label (Content, Keak or Beat); items, perItem, perUser: caps of the three steps; scanned: how
//   many of the person's own watches are looked at for the newest; limit.
// Columns: contentId, score (shared watches, each weighted by 1/√(audience of the content in between)), count (of
//   shared watches), evidence (ids of up to three contents in between, the strongest first).
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[watched:WATCHED]->(item:Content)
  WITH watched, item
  LIMIT $scanned
  RETURN item
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC
  LIMIT $items
}
CALL (me, item) {
  MATCH (item)<-[:WATCHED]-(other:User)
  WHERE other <> me
  RETURN other
  LIMIT $perItem
}
CALL (other) {
  MATCH (other)-[:WATCHED]->(content:Content)
  RETURN content
  LIMIT $perUser
}
WITH me, item, content, count(*) AS shared
WHERE $label IN labels(content)
WITH me, item, content, shared, shared / sqrt(COUNT { (item)<-[:WATCHED]-() }) AS weight
ORDER BY weight DESC
WITH me, content, sum(weight) AS score, sum(shared) AS count, collect(item.contentId)[..3] AS evidence
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
