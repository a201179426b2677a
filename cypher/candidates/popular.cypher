// What most people watched, for anybody: an index walk over the number of people who watched each content.
// Parameters: label (Content, Keak or Beat); scanned: cap of the contents walked; limit.
// Columns: contentId, score (share of the leader's audience, 0..1), count (of people who watched it), evidence (empty).
MATCH (content:Content)
WHERE content.audience > 0
WITH content
ORDER BY content.audience DESC
LIMIT $scanned
WITH content
WHERE $label IN labels(content)
WITH content
LIMIT $limit
WITH collect(content) AS contents, max(content.audience) AS leader
UNWIND contents AS content
RETURN content.contentId AS contentId,
       1.0 * content.audience / leader AS score,
       content.audience AS count,
       [] AS evidence
