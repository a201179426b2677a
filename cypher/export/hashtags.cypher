// The hashtags with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (hashtag:Hashtag)
WHERE id(hashtag) = number
WITH collect(number) AS numbers, collect(properties(hashtag)) AS hashtags
RETURN numbers, [name IN $names | [hashtag IN hashtags | hashtag[name]]] AS columns
