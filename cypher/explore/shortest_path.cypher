// How two people are connected, to be drawn: the shortest ways along follows in either direction, six steps at most.
// Parameters: userId, otherId.
// Columns: path, steps. Shows ten ways.
MATCH (me:User {userId: $userId})
MATCH (other:User {userId: $otherId})
MATCH path = allShortestPaths((me)-[:FOLLOWS*..6]-(other))
RETURN path, length(path) AS steps
LIMIT 10
