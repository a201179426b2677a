// All moods that have an id.
// Parameters: none.
// Columns: id, properties.
MATCH (mood:Mood)
WHERE mood.moodId IS NOT NULL
RETURN mood.moodId AS id, properties(mood) AS properties
