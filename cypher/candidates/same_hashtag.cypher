// Contents with the hashtags of what a person made or watched, rare hashtags first, without own and seen contents.
// Parameters: userId; seen: ids of own and seen contents (filters/seen); label (Content, Keak, Beat or Track); items: how
//   many of the person's contents, the newest, give hashtags; hashtags: how many hashtags are used; crowd: hashtags with
//   more contents are left out, since they say little; perHashtag: how many contents of each, the most watched; limit.
// Columns: contentId, score (sum over shared hashtags of own uses / √(all uses)), count (of hashtags shared), evidence
//   (names of up to three hashtags, the strongest first). Of equal scores the most watched content comes first.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[did:MADE|WATCHED]->(item:Content)
  WITH item, max(coalesce(did.lastAt, item.createdAt)) AS at
  RETURN item
  ORDER BY at IS NULL, at DESC, item.contentId
  LIMIT $items
}
MATCH (item)-[:TAGGED]->(hashtag:Hashtag)
WITH me, hashtag, count(*) AS own, COUNT { (hashtag)<-[:TAGGED]-() } AS uses
WHERE uses <= $crowd
WITH me, hashtag, own / sqrt(uses) AS weight
ORDER BY weight DESC, hashtag.name
LIMIT $hashtags
CALL (hashtag) {
  MATCH (hashtag)<-[:TAGGED]-(content:Content)
  RETURN content
  ORDER BY coalesce(content.audience, 0) DESC, content.contentId
  LIMIT $perHashtag
}
WITH me, content, hashtag, weight
ORDER BY weight DESC, hashtag.name
WITH me, content, sum(weight) AS score, count(*) AS count, collect(hashtag.name)[..3] AS evidence
WHERE $label IN labels(content)
  AND NOT content.contentId IN $seen
RETURN content.contentId AS contentId, score, count, evidence
ORDER BY score DESC, coalesce(content.audience, 0) DESC, contentId
LIMIT $limit
