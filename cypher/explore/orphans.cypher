// Nodes without any relationship, by label: people and contents that nothing connects with the rest.
// Walks all nodes: takes some seconds on a large graph.
// Parameters: none.
// Columns: label, nodes, alone (counts), examples (names or ids of up to five).
CALL () {
  MATCH (user:User)
  WITH user, EXISTS { (user)--() } AS connected
  RETURN 'User' AS label,
         count(*) AS nodes,
         sum(CASE WHEN connected THEN 0 ELSE 1 END) AS alone,
         collect(CASE WHEN NOT connected THEN coalesce(user.name, user.userId) END)[..5] AS examples
  UNION ALL
  MATCH (content:Content)
  WITH content, EXISTS { (content)--() } AS connected
  RETURN 'Content' AS label,
         count(*) AS nodes,
         sum(CASE WHEN connected THEN 0 ELSE 1 END) AS alone,
         collect(CASE WHEN NOT connected THEN coalesce(content.title, content.contentId) END)[..5] AS examples
}
RETURN label, nodes, alone, examples
