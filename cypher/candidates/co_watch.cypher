// Contents recently watched by people with the same recent watches (item → users → items), without own and seen ones.
// People blocked on either side do not count.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); items: how
//   many of the person's newest watches are used; perItem: how many of the latest watchers of each; perUser: how many of the
//   newest watches of each watcher; crowd, busy: contents with more watchers and people with more watches are left out,
//   since they say little and take long to read; limit.
// Columns: contentId, score (shared watches, each weighted by 1/√(audience of the content in between)), count (of
//   shared watches), evidence (ids of up to three contents in between, those with the smallest audience first).
// The ends of WATCHED have no labels in this query: it always connects a person with a content, and a check would read a node.
// Of the watches of a time their ends are collected first: ids are then read only near the limit, and not of every row.
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
WITH me, blocked, collect(item) AS mine, collect(weight) AS weights
UNWIND range(0, size(mine) - 1) AS place
WITH blocked, mine, weights, place, mine[place] AS item
CALL (item, blocked) {
  MATCH (item)<-[watched:WATCHED]-(other)
  WHERE NOT other IN blocked
  WITH watched.lastAt AS at, collect(other) AS others
  ORDER BY at IS NULL, at DESC
  LIMIT $perItem
  UNWIND others AS other
  RETURN other
  ORDER BY at IS NULL, at DESC, other.userId
  LIMIT $perItem
}
WITH mine, weights, other, collect(place) AS places
WHERE COUNT { (other)-[:WATCHED]->() } <= $busy
CALL (other) {
  MATCH (other)-[watched:WATCHED]->(content)
  WITH watched.lastAt AS at, collect(content) AS contents
  ORDER BY at IS NULL, at DESC
  LIMIT $perUser
  UNWIND contents AS content
  RETURN content
  ORDER BY at IS NULL, at DESC, content.contentId
  LIMIT $perUser
}
UNWIND places AS place
WITH mine, weights, content, place, count(*) AS times
ORDER BY place
WITH mine, content, sum(times * weights[place]) AS score, sum(times) AS count, collect(place) AS places
WHERE $label IN labels(content)
  AND NOT content.contentId IN $seen
WITH mine, content, score, count, places
ORDER BY score DESC, content.contentId
LIMIT $limit
RETURN content.contentId AS contentId, score, count, [place IN places[..3] | mine[place].contentId] AS evidence
