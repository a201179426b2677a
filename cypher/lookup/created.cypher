// The contents created in a span of time, from an index.
// Parameters: since, until (ms); scanned: most of them, the newest.
// Columns: contentId, the newest first.
MATCH (content:Content)
WHERE content.createdAt > $since
  AND content.createdAt <= $until
RETURN content.contentId AS contentId
ORDER BY content.createdAt DESC
LIMIT $scanned
