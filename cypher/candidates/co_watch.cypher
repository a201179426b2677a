// What people who lately watched the same contents watched lately: item → users → items, own and seen ones left out.
// Parameters: userId; label (Content, Keak or Beat); items: how many of the person's newest watches; perItem: how many
//   of those who watched each of them last; perUser: how many of the newest watches of each of those, both as far as
//   the graph keeps them in order (docs/cypher.md); scanned: how many of the person's own are looked at for the newest;
//   limit.
// Columns: contentId, score (shared watches, each weighted by 1/√(audience of the content in between)), count (of
//   shared watches), evidence (ids of up to three contents in between, those with the smallest audience first).
// The ends of WATCHED carry no labels here: it only joins people with contents, and each check would read a node.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[watched:WATCHED]->(item)
  WITH watched, item
  LIMIT $scanned
  RETURN item
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC
  LIMIT $items
}
WITH me, item, 1 / sqrt(COUNT { (item)<-[:WATCHED]-() }) AS weight
ORDER BY weight DESC
CALL (item) {
  MATCH (item)<-[:WATCHED]-(other)
  RETURN other
  LIMIT $perItem
}
CALL (other) {
  MATCH (other)-[:WATCHED]->(content)
  RETURN content
  LIMIT $perUser
}
WITH me, content, sum(weight) AS score, count(*) AS count, collect(DISTINCT item) AS between
WHERE $label IN labels(content)
WITH me, collect({content: content, score: score, count: count, between: between}) AS found
CALL (me) {
  MATCH (me)-[:WATCHED|MADE]->(content)
  RETURN collect(content) AS seen
}
UNWIND found AS row
WITH row.content AS content, row.score AS score, row.count AS count, row.between AS between, seen
WHERE NOT content IN seen
WITH content, score, count, between
ORDER BY score DESC
LIMIT $limit
RETURN content.contentId AS contentId, score, count, [item IN between[..3] | item.contentId] AS evidence
