// What the search finds words in: without case and accents. (A title is kept where a file brought one.)
CREATE FULLTEXT INDEX words IF NOT EXISTS
FOR (node:User|Content|Genre|Mood|Hashtag)
ON EACH [node.userId, node.contentId, node.name, node.title, node.genreId, node.moodId]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-folding'}};
