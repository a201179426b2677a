// Neo4j's own numbers of all nodes that have an id, by label: short names that relationships are exported with.
// Parameters: none.
// Columns: label, numbers.
MATCH (node:User)
WHERE node.userId IS NOT NULL
RETURN 'User' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Content)
WHERE node.contentId IS NOT NULL
RETURN 'Content' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Genre)
WHERE node.genreId IS NOT NULL
RETURN 'Genre' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Mood)
WHERE node.moodId IS NOT NULL
RETURN 'Mood' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Hashtag)
WHERE node.name IS NOT NULL
RETURN 'Hashtag' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Artist)
WHERE node.artistId IS NOT NULL
RETURN 'Artist' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Session)
WHERE node.sessionId IS NOT NULL
RETURN 'Session' AS label, collect(id(node)) AS numbers
UNION ALL
MATCH (node:Playlist)
WHERE node.playlistId IS NOT NULL
RETURN 'Playlist' AS label, collect(id(node)) AS numbers
