// The ids of all contents, one a row.
// Parameters: none.
// Columns: id.
MATCH (content:Content)
RETURN content.contentId AS id
