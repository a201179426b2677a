// Users, contents, genres, moods and hashtags that have some words in their id, name or title, the largest audience first;
// what has exactly the id asked for comes before all others.
// Parameters: text (an id), contentIds (how a content of this id may be spelled); words: what the full-text index is asked,
//   in Lucene's notation, empty for nothing; scanned: most nodes that it may find; label: the only one to find, or null;
//   userId: who searches, or null; limit.
// Columns: label (User, Keak, Beat, Track, Genre, Mood or Hashtag), id, name, audience (watchers, followers, or contents with it).
//   People marked private (isPrivate), and people blocked on either side by who searches, with what they made, are left out,
//   and so is what was taken down.
CALL () {
  MATCH (node:User {userId: $text})
  RETURN node, true AS exact
  UNION ALL
  MATCH (node:Content)
  WHERE node.contentId IN $contentIds
  RETURN node, true AS exact
  UNION ALL
  MATCH (node:Hashtag {name: $text})
  RETURN node, true AS exact
  UNION ALL
  UNWIND CASE $words WHEN '' THEN [] ELSE [$words] END AS asked
  CALL db.index.fulltext.queryNodes('words', asked, {limit: $scanned}) YIELD node
  RETURN node, false AS exact
}
WITH node,
     max(CASE
       WHEN exact THEN 1
       WHEN node:Hashtag AND toLower(node.name) = toLower(ltrim($text, '#')) THEN 1
       ELSE 0
     END) AS exact
OPTIONAL MATCH (me:User {userId: $userId})
WITH node, exact, me
WHERE ($label IS NULL OR $label IN labels(node))
  AND NOT (node:User AND (coalesce(node.isPrivate, false) OR EXISTS { (me)-[:BLOCKED]-(node) }))
  AND NOT (node:Content AND coalesce(node.takenDown, false))
  AND NOT (node:Content AND EXISTS { (node)<-[:MADE]-(:User)-[:BLOCKED]-(me) })
WITH node,
     exact,
     CASE
       WHEN node:Content THEN coalesce(node.audience, 0)
       WHEN node:User THEN COUNT { (node)<-[:FOLLOWS]-() }
       ELSE COUNT { (node)<-[:TAGGED|HAS_GENRE|HAS_MOOD]-() }
     END AS audience,
     coalesce(node.userId, node.contentId, node.genreId, node.moodId, node.name) AS id
ORDER BY exact DESC, audience DESC, id
LIMIT $limit
RETURN CASE
         WHEN node:User THEN 'User'
         WHEN node:Beat THEN 'Beat'
         WHEN node:Track THEN 'Track'
         WHEN node:Content THEN 'Keak'
         WHEN node:Genre THEN 'Genre'
         WHEN node:Mood THEN 'Mood'
         ELSE 'Hashtag'
       END AS label,
       id,
       coalesce(node.title, node.name, id) AS name,
       audience
