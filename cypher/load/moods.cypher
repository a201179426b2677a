// Create or update moods.
// Parameters: rows of {id, properties}; properties without a value are left out and stay as they are in the graph.
// Columns: none.
UNWIND $rows AS row
MERGE (mood:Mood {moodId: row.id})
SET mood += row.properties
