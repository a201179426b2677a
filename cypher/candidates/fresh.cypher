// The newest contents, for anybody: an index walk over the time of creation.
// Parameters: label (Content, Keak or Beat); scanned: cap of the contents walked; limit.
// Columns: contentId, score (1 for the newest, falling by rank), count (of people who watched it), evidence (empty).
//   Nothing where no content has a time.
MATCH (content:Content)
WHERE content.createdAt IS NOT NULL
WITH content
ORDER BY content.createdAt DESC
LIMIT $scanned
WITH content
WHERE $label IN labels(content)
WITH content
LIMIT $limit
WITH collect(content) AS contents
UNWIND range(0, size(contents) - 1) AS rank
RETURN contents[rank].contentId AS contentId,
       1.0 / (1 + rank) AS score,
       coalesce(contents[rank].audience, 0) AS count,
       [] AS evidence
