// The ids of all users, one a row.
// Parameters: none.
// Columns: id.
MATCH (user:User)
RETURN user.userId AS id
