// The contents that are watched most now, the same for everyone, from an index on the decayed count of watches.
// Parameters: label (Content, Keak, Beat or Track); limit.
// Columns: contentId, score (share of the leader's decayed count, 0..1), count (of people who ever watched it), evidence
//   (empty). No rows if no watch has a time; candidates/popular answers then.
CALL () {
  UNWIND CASE WHEN $label IN ['Content', 'Keak'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Keak)
    WHERE content.trend IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
    RETURN content
    ORDER BY content.trend DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Beat'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Beat)
    WHERE content.trend IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
    RETURN content
    ORDER BY content.trend DESC, content.contentId
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Track'] THEN [0] ELSE [] END AS asked
  CALL (asked) {
    MATCH (content:Track)
    WHERE content.trend IS NOT NULL
      AND NOT coalesce(content.takenDown, false)
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
