// The full-text index of the search, without case and accents. (Only contents whose file has titles have a title.)
CREATE FULLTEXT INDEX words IF NOT EXISTS
FOR (node:User|Content|Genre|Mood|Hashtag)
ON EACH [node.userId, node.contentId, node.name, node.title, node.genreId, node.moodId]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-folding'}};
