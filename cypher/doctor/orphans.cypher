// Nodes without any relationship: nothing can be recommended through them.
// Parameters: none.
// Columns: users, contents.
CALL () {
  MATCH (user:User)
  WHERE NOT EXISTS { (user)--() }
  RETURN count(user) AS users
}
CALL () {
  MATCH (content:Content)
  WHERE NOT EXISTS { (content)--() }
  RETURN count(content) AS contents
}
RETURN users, contents
