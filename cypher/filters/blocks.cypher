// Who blocked whom, as of now.
// Parameters: none.
// Columns: source, target (user ids).
MATCH (source:User)-[blocked:BLOCKED]->(target:User)
RETURN source.userId AS source, target.userId AS target
