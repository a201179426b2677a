// People took back that they hid contents.
// Parameters: rows of {eventId, at, userId, contentId}.
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
  MATCH (user:User {userId: row.userId})
  MATCH (user)-[hid:HID]->(content)
  DELETE hid
}
RETURN row.eventId AS eventId, applied
