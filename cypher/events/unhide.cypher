// People took back that they hid contents.
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
  MERGE (user)-[undid:UNDID]->(content)
  SET undid.unhidAt = CASE WHEN undid.unhidAt >= row.at THEN undid.unhidAt ELSE row.at END
  WITH row, user, content
  MATCH (user)-[hid:HID]->(content)
  WHERE coalesce(hid.at, 0) <= row.at
  DELETE hid
}
RETURN collect([row.place, applied]) AS told
