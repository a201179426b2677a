// The contents created in a span of time, from an index.
// Parameters: since, until (ms); scanned: most of them, the newest.
// Columns: contentIds (a list, the newest first): one row, since thousands of rows take twenty times as long to send.
MATCH (content:Content)
WHERE content.createdAt > $since
  AND content.createdAt <= $until
  AND NOT coalesce(content.takenDown, false)
WITH content
ORDER BY content.createdAt DESC, content.contentId
LIMIT $scanned
RETURN collect(content.contentId) AS contentIds
