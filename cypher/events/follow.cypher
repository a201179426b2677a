// People followed people. A follow that is not later than an unfollow, or than a block and its end, changes nothing.
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
  OPTIONAL MATCH (user)-[undid:UNDID]->(other)
  SET undid.followedAt = CASE WHEN undid.followedAt >= row.at THEN undid.followedAt ELSE row.at END
  WITH row, user, other, undid
  WHERE undid IS NULL
     OR row.at > coalesce(undid.unfollowedAt, -1)
    AND row.at > coalesce(undid.partedAt, -1)
  MERGE (user)-[follows:FOLLOWS]->(other)
  SET follows.since = CASE WHEN follows.since >= row.at THEN follows.since ELSE row.at END
}
RETURN collect([row.place, applied]) AS told
