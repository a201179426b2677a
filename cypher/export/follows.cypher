// Who follows whom, for a block of sources.
// Parameters: numbers (Neo4j's own of the sources).
// Columns: one row of lists of the same length: sources, targets (numbers), since.
UNWIND $numbers AS number
MATCH (user:User)-[relationship:FOLLOWS]->(followed)
WHERE id(user) = number
WITH collect(number) AS sources, collect(id(followed)) AS targets, collect(relationship) AS relationships
RETURN sources, targets, [relationship IN relationships | relationship.since] AS since
