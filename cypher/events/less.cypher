// People asked to be shown less of what is like contents.
// Parameters: rows of {place, producer, eventId, at (ms), userId, contentId}; receivedAt (ms).
// Columns: told, of each event [place, applied (false when it was counted before)], but not of those
//   about contents nobody knows. One row in all, which the driver reads much faster than one for each.
UNWIND $rows AS row
MATCH (content:Content {contentId: row.contentId})
MERGE (event:Event {producer: row.producer, eventId: row.eventId})
  ON CREATE SET event.receivedAt = $receivedAt, event.times = 1
  ON MATCH SET event.times = event.times + 1
WITH row, content, event.times = 1 AS applied
CALL (row, content, applied) {
  WITH row, content
  WHERE applied
  MERGE (user:User {userId: row.userId})
  WITH row, user, content
  OPTIONAL MATCH (user)-[undid:UNDID]->(content)
  WITH row, user, content, undid
  WHERE row.at > coalesce(undid.unlessAt, -1)
  MERGE (user)-[less:LESS]->(content)
  SET less.at = CASE WHEN less.at >= row.at THEN less.at ELSE row.at END
}
RETURN collect([row.place, applied]) AS told
