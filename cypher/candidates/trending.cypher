// What is being watched most now, for anybody: an index walk over the decayed count that every watch adds to.
// Parameters: label (Content, Keak or Beat); scanned: cap of the contents walked; limit.
// Columns: contentId, score (share of the leader's decayed count, 0..1), count (of people who ever watched it), evidence
//   (empty). Nothing where no watch has a time; candidates/popular answers there.
MATCH (content:Content)
WHERE content.trend IS NOT NULL
WITH content
ORDER BY content.trend DESC
LIMIT $scanned
WITH content
WHERE $label IN labels(content)
WITH content
LIMIT $limit
WITH collect(content) AS contents, max(content.trend) AS leader
UNWIND contents AS content
RETURN content.contentId AS contentId,
       exp(content.trend - leader) AS score,
       coalesce(content.audience, 0) AS count,
       [] AS evidence
