// The sessions with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (session:Session)
WHERE id(session) = number
WITH collect(number) AS numbers, collect(properties(session)) AS sessions
RETURN numbers, [name IN $names | [session IN sessions | session[name]]] AS columns
