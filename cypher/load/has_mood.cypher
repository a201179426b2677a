// Say which moods a content has.
// Parameters: rows of [content, [[mood], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (content:Content {contentId: row[0]})
UNWIND row[1] AS end
MATCH (mood:Mood {moodId: end[0]})
MERGE (content)-[:HAS_MOOD]->(mood)
