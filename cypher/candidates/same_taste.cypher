// People who watched what a person watched lately, those first who share most with them and least with everybody. People
// blocked on either side and people marked private (isPrivate) are left out.
// Parameters: userId; items: how many of the person's newest watches are used; perItem: how many of the latest watchers of
//   each; crowd: contents with more watchers are left out, since they say little; followed: whether people whom the person
//   follows are named too; limit.
// Columns: userId, followed, score (shared watches, each weighted by 1/√(its audience), divided by √(the other's watches)),
//   count (of shared watches), evidence (ids of up to three of them, those with the smallest audience first; none that is
//   taken down or that somebody blocked made).
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
WITH me, blocked, mine, weights,
     [
       item IN mine
       WHERE coalesce(item.takenDown, false) OR EXISTS { MATCH (item)<-[:MADE]-(maker:User) WHERE maker IN blocked }
     ] AS unnamed
UNWIND range(0, size(mine) - 1) AS place
WITH me, blocked, mine, weights, unnamed, place, mine[place] AS item
CALL (item) {
  MATCH (item)<-[watched:WATCHED]-(other)
  WITH watched.lastAt AS at, collect(other) AS others
  ORDER BY at IS NULL, at DESC
  LIMIT $perItem
  UNWIND others AS other
  RETURN other
  ORDER BY at IS NULL, at DESC, other.userId
  LIMIT $perItem
}
WITH me, blocked, mine, weights, unnamed, place, other
ORDER BY place
WITH me, blocked, mine, unnamed, other, sum(weights[place]) AS shared, collect(place) AS places
WHERE other <> me
  AND NOT other IN blocked
  AND NOT coalesce(other.isPrivate, false)
  AND ($followed OR NOT EXISTS { (me)-[:FOLLOWS]->(other) })
WITH me, mine, unnamed, other, places, shared / sqrt(COUNT { (other)-[:WATCHED]->() }) AS score
ORDER BY score DESC, other.userId
LIMIT $limit
RETURN other.userId AS userId,
       EXISTS { (me)-[:FOLLOWS]->(other) } AS followed,
       score,
       size(places) AS count,
       [place IN places WHERE NOT mine[place] IN unnamed | mine[place].contentId][..3] AS evidence
