// All hashtags that have an id.
// Parameters: none.
// Columns: id, properties.
MATCH (hashtag:Hashtag)
WHERE hashtag.name IS NOT NULL
RETURN hashtag.name AS id, properties(hashtag) AS properties
