// Whether the graph holds anybody.
// Parameters: none.
// Columns: userId, of one user; no row when the graph is empty.
MATCH (user:User)
RETURN user.userId AS userId
LIMIT 1
