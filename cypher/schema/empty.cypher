// Delete some nodes with all their relationships; asked again until nothing is left.
// Parameters: limit (nodes at most).
// Columns: deleted.
MATCH (node)
WITH node
LIMIT $limit
DETACH DELETE node
RETURN count(*) AS deleted
