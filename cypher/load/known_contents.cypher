// The ids of all contents and how long they are, one a row.
// Parameters: none.
// Columns: id, duration (seconds, or null).
MATCH (content:Content)
RETURN content.contentId AS id, content.duration AS duration
