// The genres with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (genre:Genre)
WHERE id(genre) = number
WITH collect(number) AS numbers, collect(properties(genre)) AS genres
RETURN numbers, [name IN $names | [genre IN genres | genre[name]]] AS columns
