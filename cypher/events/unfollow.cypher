// People stopped following people: follows that are not later end.
// Parameters: rows of {place, producer, eventId, at (ms), userId, targetId}; receivedAt (ms).
// Columns: told, of each event [place, applied (false when it was counted before)], but not of those
//   about people nobody knows. One row in all, which the driver reads much faster than one for each.
UNWIND $rows AS row
MATCH (other:User {userId: row.targetId})
MERGE (event:Event {producer: row.producer, eventId: row.eventId})
  ON CREATE SET event.receivedAt = $receivedAt, event.times = 1
  ON MATCH SET event.times = event.times + 1
WITH row, other, event.times = 1 AS applied
CALL (row, other, applied) {
  WITH row, other
  WHERE applied
  MERGE (user:User {userId: row.userId})
  WITH row, user, other
  WHERE user <> other
  MERGE (user)-[undid:UNDID]->(other)
  SET undid.unfollowedAt = CASE WHEN undid.unfollowedAt >= row.at THEN undid.unfollowedAt ELSE row.at END
  WITH row, user, other, undid
  MATCH (user)-[follows:FOLLOWS]->(other)
  SET undid.followedAt = CASE
        WHEN undid.followedAt >= follows.since THEN undid.followedAt
        ELSE coalesce(follows.since, undid.followedAt)
      END
  WITH row, follows
  WHERE coalesce(follows.since, 0) <= row.at
  DELETE follows
}
RETURN collect([row.place, applied]) AS told
