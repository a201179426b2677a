// Hashtags that stand together on keaks.
// Parameters: none.
// Columns: hashtag, other, together (count of keaks). Looks at the 2,000 contents with the largest audience, shows 25.
MATCH (content:Content)
WHERE content.audience > 0
WITH content
ORDER BY content.audience DESC, content.contentId
LIMIT 2000
MATCH (first:Hashtag)<-[:TAGGED]-(content)-[:TAGGED]->(second:Hashtag)
WHERE first.name < second.name
RETURN first.name AS hashtag, second.name AS other, count(*) AS together
ORDER BY together DESC, hashtag, other
LIMIT 25
