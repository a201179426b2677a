// The artists with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (artist:Artist)
WHERE id(artist) = number
WITH collect(number) AS numbers, collect(properties(artist)) AS artists
RETURN numbers, [name IN $names | [artist IN artists | artist[name]]] AS columns
