// Take contents down: they stay, with what people did with them, and are shown nowhere.
// Parameters: rows of {place, id}.
// Columns: told, the places of the rows whose content is there.
UNWIND $rows AS row
MATCH (content:Content {contentId: row.id})
SET content.takenDown = true
RETURN collect(row.place) AS told
