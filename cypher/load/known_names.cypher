// Ids and names of all genres, moods and hashtags.
// Parameters: none.
// Columns: label, id, name.
MATCH (genre:Genre)
RETURN 'Genre' AS label, genre.genreId AS id, coalesce(genre.name, genre.genreId) AS name
UNION ALL
MATCH (mood:Mood)
RETURN 'Mood' AS label, mood.moodId AS id, coalesce(mood.name, mood.moodId) AS name
UNION ALL
MATCH (hashtag:Hashtag)
RETURN 'Hashtag' AS label, hashtag.name AS id, hashtag.name AS name
