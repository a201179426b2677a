// What is being watched most now, for anybody: an index walk over the decayed count that every watch adds to.
// Parameters: label (Content, Keak or Beat); limit.
// Columns: contentId, score (share of the leader's decayed count, 0..1), count (of people who ever watched it), evidence
//   (empty). Nothing where no watch has a time; candidates/popular answers there.
CALL () {
  UNWIND CASE $label WHEN 'Beat' THEN [] ELSE [0] END AS asked
  CALL (asked) {
    MATCH (content:Keak)
    WHERE content.trend IS NOT NULL
    RETURN content
    ORDER BY content.trend DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE $label WHEN 'Keak' THEN [] ELSE [0] END AS asked
  CALL (asked) {
    MATCH (content:Beat)
    WHERE content.trend IS NOT NULL
    RETURN content
    ORDER BY content.trend DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
}
WITH content
ORDER BY content.trend DESC, content.contentId
LIMIT $limit
WITH collect(content) AS contents, max(content.trend) AS leader
UNWIND contents AS content
RETURN content.contentId AS contentId,
       exp(content.trend - leader) AS score,
       coalesce(content.audience, 0) AS count,
       [] AS evidence
