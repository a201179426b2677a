// Genres, moods and hashtags by an id or a name, in capitals or not.
// Parameters: genres, moods, hashtags (lists of texts, in small letters).
// Columns: found, a list of [label, text, id of the node]; what has the id comes first, else the lowest id.
CALL () {
  MATCH (genre:Genre)
  WHERE toLower(genre.genreId) IN $genres
     OR toLower(genre.name) IN $genres
  UNWIND [toLower(genre.genreId), toLower(genre.name)] AS text
  WITH genre, text
  WHERE text IN $genres
  RETURN 'Genre' AS label, text, genre.genreId AS id, toLower(genre.genreId) = text AS exact
  UNION
  MATCH (mood:Mood)
  WHERE toLower(mood.moodId) IN $moods
     OR toLower(mood.name) IN $moods
  UNWIND [toLower(mood.moodId), toLower(mood.name)] AS text
  WITH mood, text
  WHERE text IN $moods
  RETURN 'Mood' AS label, text, mood.moodId AS id, toLower(mood.moodId) = text AS exact
  UNION
  UNWIND CASE size($hashtags) WHEN 0 THEN [] ELSE [0] END AS asked // reads no hashtag where none is asked for
  MATCH (hashtag:Hashtag)
  WHERE toLower(hashtag.name) IN $hashtags
  RETURN 'Hashtag' AS label, toLower(hashtag.name) AS text, hashtag.name AS id, true AS exact
}
WITH label, text, id, exact
ORDER BY NOT exact, id
RETURN collect([label, text, id]) AS found
