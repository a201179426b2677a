// All users that have an id.
// Parameters: none.
// Columns: id, properties.
MATCH (user:User)
WHERE user.userId IS NOT NULL
RETURN user.userId AS id, properties(user) AS properties
