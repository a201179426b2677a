// Who blocked whom.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers), at (ms; null where unknown).
MATCH (user:User)-[relationship:BLOCKED]->(other:User)
WITH collect(id(user)) AS sources, collect(id(other)) AS targets, collect(relationship) AS relationships
RETURN sources, targets, [relationship IN relationships | relationship.at] AS at
