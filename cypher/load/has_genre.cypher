// Say which genres a content has.
// Parameters: rows of [content, [[genre], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (content:Content {contentId: row[0]})
UNWIND row[1] AS end
MATCH (genre:Genre {genreId: end[0]})
MERGE (content)-[:HAS_GENRE]->(genre)
