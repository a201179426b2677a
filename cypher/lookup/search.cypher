// Users, contents, hashtags and genres whose id or name begins with a text; contents with or without their prefix.
// Parameters: text; limit: most rows of each sort.
// Columns: label (User, Keak, Beat, Hashtag or Genre), id, name.
CALL () {
  MATCH (user:User)
  WHERE user.userId STARTS WITH $text
  RETURN 'User' AS label, user.userId AS id, user.userId AS name
  ORDER BY id
  LIMIT $limit
  UNION ALL
  UNWIND ['', 'keaks/', 'beats/'] AS prefix
  MATCH (content:Content)
  WHERE content.contentId STARTS WITH prefix + $text
  RETURN CASE WHEN content:Beat THEN 'Beat' ELSE 'Keak' END AS label, content.contentId AS id, content.contentId AS name
  LIMIT $limit
  UNION ALL
  MATCH (hashtag:Hashtag)
  WHERE hashtag.name STARTS WITH $text
  RETURN 'Hashtag' AS label, hashtag.name AS id, hashtag.name AS name
  ORDER BY id
  LIMIT $limit
  UNION ALL
  MATCH (genre:Genre)
  WHERE toLower(genre.name) STARTS WITH toLower($text)
  RETURN 'Genre' AS label, genre.genreId AS id, genre.name AS name
  ORDER BY name
  LIMIT $limit
}
RETURN label, id, name
