// The moods with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (mood:Mood)
WHERE id(mood) = number
WITH collect(number) AS numbers, collect(properties(mood)) AS moods
RETURN numbers, [name IN $names | [mood IN moods | mood[name]]] AS columns
