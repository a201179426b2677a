// More under the hashtags of what one made or watched, rare hashtags first, own and seen contents left out.
// Parameters: userId; label (Content, Keak or Beat); items: cap of the contents that lead to hashtags; hashtags: how many
//   are followed up; perHashtag: cap of the contents of one hashtag; limit.
// Columns: contentId, score (sum over shared hashtags of own uses / √(all uses)), count (of hashtags shared), evidence
//   (names of up to three hashtags, the strongest first). Of equal scores the most watched content comes first.
MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:MADE|WATCHED]->(item:Content)
  RETURN item
  LIMIT $items
}
MATCH (item)-[:TAGGED]->(hashtag:Hashtag)
WITH me, hashtag, count(*) / sqrt(COUNT { (hashtag)<-[:TAGGED]-() }) AS weight
ORDER BY weight DESC, hashtag.name
LIMIT $hashtags
CALL (hashtag) {
  MATCH (hashtag)<-[:TAGGED]-(content:Content)
  RETURN content
  LIMIT $perHashtag
}
WITH me, content, sum(weight) AS score, count(*) AS count, collect(hashtag.name)[..3] AS evidence
WHERE $label IN labels(content)
WITH me, collect({content: content, score: score, count: count, evidence: evidence}) AS found
CALL (me) {
  MATCH (me)-[:WATCHED|MADE]->(content:Content)
  RETURN collect(content) AS seen
}
UNWIND found AS row
WITH row.content AS content, row.score AS score, row.count AS count, row.evidence AS evidence, seen
WHERE NOT content IN seen
RETURN content.contentId AS contentId, score, count, evidence
ORDER BY score DESC, coalesce(content.audience, 0) DESC, contentId
LIMIT $limit
