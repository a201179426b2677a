// The node with most relationships of each kind, with the mean: queries without caps are slow on such nodes.
// Parameters: none.
// Columns: kind ("followers", "watches", "audience"), id, degree, mean. Kinds without nodes give no row.
MATCH (user:User)
WITH user, COUNT { (user)<-[:FOLLOWS]-() } AS degree
WITH avg(degree) AS mean, max([degree, user.userId]) AS top
WHERE mean IS NOT NULL
RETURN 'followers' AS kind, top[1] AS id, top[0] AS degree, mean
UNION ALL
MATCH (user:User)
WITH user, COUNT { (user)-[:WATCHED]->() } AS degree
WITH avg(degree) AS mean, max([degree, user.userId]) AS top
WHERE mean IS NOT NULL
RETURN 'watches' AS kind, top[1] AS id, top[0] AS degree, mean
UNION ALL
MATCH (content:Content)
WITH content, COUNT { (content)<-[:WATCHED]-() } AS degree
WITH avg(degree) AS mean, max([degree, content.contentId]) AS top
WHERE mean IS NOT NULL
RETURN 'audience' AS kind, top[1] AS id, top[0] AS degree, mean
