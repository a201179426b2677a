// The users with these numbers.
// Parameters: numbers (Neo4j's own of the nodes), names (of properties).
// Columns: numbers; columns (of each name, the values in the order of the numbers, null where unknown).
UNWIND $numbers AS number
MATCH (user:User)
WHERE id(user) = number
WITH collect(number) AS numbers, collect(properties(user)) AS users
RETURN numbers, [name IN $names | [user IN users | user[name]]] AS columns
