// What the graph holds by now between people that events were about.
// Parameters: rows of [userId, userId of the other].
// Columns: pairs, a list of {source, target; holds (whether the first follows the other), at (ms); blocked (whether one
//   of the two blocked the other)}, without those of which the graph does not have both.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
MATCH (other:User {userId: row[1]})
OPTIONAL MATCH (user)-[follows:FOLLOWS]->(other)
RETURN collect({
  source: row[0],
  target: row[1],
  holds: follows IS NOT NULL,
  at: follows.since,
  blocked: EXISTS { (user)-[:BLOCKED]-(other) }
}) AS pairs
