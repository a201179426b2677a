// What the graph holds by now between people that events were about.
// Parameters: rows of [userId, userId of the other].
// Columns: source, target; holds (whether the first follows the other), at (ms); blocked (whether one of the two blocked
//   the other). Pairs of which the graph does not have both give no row.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
MATCH (other:User {userId: row[1]})
OPTIONAL MATCH (user)-[follows:FOLLOWS]->(other)
RETURN row[0] AS source,
       row[1] AS target,
       follows IS NOT NULL AS holds,
       follows.since AS at,
       EXISTS { (user)-[:BLOCKED]-(other) } AS blocked
