// All contents that have an id.
// Parameters: none.
// Columns: id, properties (with kind: keak or beat).
MATCH (content:Content)
WHERE content.contentId IS NOT NULL
RETURN content.contentId AS id,
       content {.*, kind: CASE WHEN content:Beat THEN 'beat' ELSE 'keak' END} AS properties
