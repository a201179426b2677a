// The newest contents, the same for everyone, from an index on the time of creation.
// Parameters: label (Content, Keak, Beat or Track); limit.
// Columns: contentId, score (1 for the newest, falling by rank), count (of people who watched it), evidence (empty).
//   No rows if no content has a time.
CALL () {
  UNWIND CASE WHEN $label IN ['Content', 'Keak'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Keak)
    WHERE content.createdAt IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
    RETURN content
    ORDER BY content.createdAt DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Beat'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Beat)
    WHERE content.createdAt IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
    RETURN content
    ORDER BY content.createdAt DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Track'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Track)
    WHERE content.createdAt IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
    RETURN content
    ORDER BY content.createdAt DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
}
WITH content
ORDER BY content.createdAt DESC, content.contentId
LIMIT $limit
WITH collect(content) AS contents
UNWIND range(0, size(contents) - 1) AS rank
RETURN contents[rank].contentId AS contentId,
       1.0 / (1 + rank) AS score,
       coalesce(contents[rank].audience, 0) AS count,
       [] AS evidence
