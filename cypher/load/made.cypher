// Say who made what.
// Parameters: rows of [user, [[content], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS end
MATCH (content:Content {contentId: end[0]})
MERGE (user)-[:MADE]->(content)
