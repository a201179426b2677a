// People watched, liked, commented on or shared contents. Counts each event once, whatever order they come in.
// Parameters: rows of {eventId, at, userId, contentId, watches (1 or 0), progress (0..1 or null), liked, commented, shared,
//   pulse (the logarithm of the time's weight, see graph/events.py)}. A bare watch leaves what is unknown unknown.
// Columns: eventId, applied (false when it was counted before). Events about contents nobody knows give no row.
UNWIND $rows AS row
MATCH (content:Content {contentId: row.contentId})
MERGE (event:Event {eventId: row.eventId})
  ON CREATE SET event.at = row.at, event.times = 1
  ON MATCH SET event.times = event.times + 1
WITH row, content, event.times = 1 AS applied
CALL (row, content, applied) {
  WITH row, content
  WHERE applied
  MERGE (user:User {userId: row.userId})
  MERGE (user)-[watched:WATCHED]->(content)
    ON CREATE SET content.audience = coalesce(content.audience, 0) + 1
  SET watched.progress = CASE
        WHEN row.progress IS NULL OR watched.progress >= row.progress THEN watched.progress
        ELSE row.progress
      END,
      watched.liked = CASE WHEN row.liked THEN true ELSE watched.liked END,
      watched.commented = CASE WHEN row.commented THEN true ELSE watched.commented END,
      watched.shared = CASE WHEN row.shared THEN true ELSE watched.shared END,
      watched.watchCount = coalesce(watched.watchCount, 0) + row.watches,
      watched.firstAt = CASE WHEN watched.firstAt <= row.at THEN watched.firstAt ELSE row.at END,
      watched.lastAt = CASE WHEN watched.lastAt >= row.at THEN watched.lastAt ELSE row.at END,
      content.trend = CASE
        WHEN content.trend IS NULL THEN row.pulse
        WHEN content.trend > row.pulse THEN content.trend + log(1 + exp(row.pulse - content.trend))
        ELSE row.pulse + log(1 + exp(content.trend - row.pulse))
      END
}
RETURN row.eventId AS eventId, applied
