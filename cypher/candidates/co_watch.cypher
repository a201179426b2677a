// Contents recently watched by people with the same recent watches (item → users → items), without own and seen ones.
// People blocked on either side do not count.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak or Beat); items: how
//   many of the person's newest watches are used; perItem: how many of the latest watchers of each; perUser: how many of the
//   newest watches of each watcher; crowd, busy: contents with more watchers and people with more watches are left out,
//   since they say little and take long to read; limit.
// Columns: contentId, score (shared watches, each weighted by 1/√(audience of the content in between)), count (of
//   shared watches), evidence (ids of up to three contents in between, those with the smallest audience first).
// The ends of WATCHED have no labels in this query: it always connects a person with a content, and a check would read a node.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:BLOCKED]-(person)
  RETURN collect(person) AS blocked
}
CALL (me) {
  MATCH (me)-[watched:WATCHED]->(item)
  WITH watched, item
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, item.contentId
  WHERE COUNT { (item)<-[:WATCHED]-() } <= $crowd
  RETURN item
  LIMIT $items
}
WITH me, blocked, item, 1 / sqrt(COUNT { (item)<-[:WATCHED]-() }) AS weight
ORDER BY weight DESC, item.contentId
CALL (item, blocked) {
  MATCH (item)<-[watched:WATCHED]-(other)
  WHERE NOT other IN blocked
  RETURN other
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, other.userId
  LIMIT $perItem
}
WITH me, other, collect(item) AS items
WHERE COUNT { (other)-[:WATCHED]->() } <= $busy
CALL (other) {
  MATCH (other)-[watched:WATCHED]->(content)
  RETURN content
  ORDER BY watched.lastAt IS NULL, watched.lastAt DESC, content.contentId
  LIMIT $perUser
}
UNWIND items AS item
WITH me, content, item, count(*) AS times, 1 / sqrt(COUNT { (item)<-[:WATCHED]-() }) AS weight
ORDER BY weight DESC, item.contentId
WITH me, content, sum(times * weight) AS score, sum(times) AS count, collect(item) AS between
WHERE $label IN labels(content)
  AND NOT content.contentId IN $seen
WITH content, score, count, between
ORDER BY score DESC, content.contentId
LIMIT $limit
RETURN content.contentId AS contentId, score, count, [item IN between[..3] | item.contentId] AS evidence
