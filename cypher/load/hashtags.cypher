// Create hashtags.
// Parameters: rows of {id, properties}; a hashtag has no properties but its name.
// Columns: none.
UNWIND $rows AS row
MERGE (hashtag:Hashtag {name: row.id})
