// Create or update people. Whether somebody is private is left as the API said it (saidPrivate).
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (user:User {userId: row.id})
SET user += row.properties,
    user.isPrivate = coalesce(user.saidPrivate, user.isPrivate)
