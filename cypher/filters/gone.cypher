// Which of some contents must not be shown any more: those taken down, and those that are not there.
// Parameters: contentIds.
// Columns: contentIds (a list).
UNWIND $contentIds AS contentId
OPTIONAL MATCH (content:Content {contentId: contentId})
WITH contentId, content
WHERE content IS NULL
   OR coalesce(content.takenDown, false)
RETURN collect(contentId) AS contentIds
