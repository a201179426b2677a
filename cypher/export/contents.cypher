// The contents with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties, or kind: keak, beat or track).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (content:Content)
WHERE id(content) = number
WITH number, content {.*, kind: CASE WHEN content:Beat THEN 'beat' WHEN content:Track THEN 'track' ELSE 'keak' END} AS content
WITH collect(number) AS numbers, collect(content) AS contents
RETURN numbers, [name IN $names | [content IN contents | content[name]]] AS columns
