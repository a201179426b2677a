// People stopped following people.
// Parameters: rows of {eventId, at, userId, targetId}.
// Columns: eventId, applied (false when it was counted before). Events about people nobody knows give no row.
UNWIND $rows AS row
MATCH (other:User {userId: row.targetId})
MERGE (event:Event {eventId: row.eventId})
  ON CREATE SET event.at = row.at, event.times = 1
  ON MATCH SET event.times = event.times + 1
WITH row, other, event.times = 1 AS applied
CALL (row, other, applied) {
  WITH row, other
  WHERE applied
  MATCH (user:User {userId: row.userId})
  MATCH (user)-[follows:FOLLOWS]->(other)
  DELETE follows
}
RETURN row.eventId AS eventId, applied
