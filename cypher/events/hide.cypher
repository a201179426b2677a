// People asked not to be shown contents.
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
  MERGE (user:User {userId: row.userId})
  MERGE (user)-[hid:HID]->(content)
    ON CREATE SET hid.at = row.at
}
RETURN row.eventId AS eventId, applied
