// How long people watched contents: one relationship for each row of a file, so that loading the same again changes nothing.
// Parameters: rows of [user, [[content, row, ratio, at], ...]]; at may be null.
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS said
MATCH (content:Content {contentId: said[0]})
MERGE (user)-[ratio:WATCH_RATIO {row: said[1]}]->(content)
SET ratio.ratio = said[2],
    ratio.at = said[3]
