// Say which hashtags a content has.
// Parameters: rows of [content, [[hashtag], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (content:Content {contentId: row[0]})
UNWIND row[1] AS end
MATCH (hashtag:Hashtag {name: end[0]})
MERGE (content)-[:TAGGED]->(hashtag)
