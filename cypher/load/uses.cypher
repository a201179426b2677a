// Say which beat a keak uses.
// Parameters: rows of [keak, [[beat], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (keak:Content {contentId: row[0]})
UNWIND row[1] AS end
MATCH (beat:Content {contentId: end[0]})
MERGE (keak)-[:USES]->(beat)
