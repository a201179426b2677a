// People blocked or unblocked people. During a block neither of the two follows the other; after its end a follow counts
// only if it is later than the end. UNDID keeps the time of the last block, the ends that are not earlier, the last follow
// in each direction, and the time up to which follows do not count (partedAt).
// Parameters: rows of {place, producer, eventId, at (ms), userId, targetId, kind (block or unblock)}; receivedAt (ms).
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
  MERGE (other)-[back:UNDID]->(user)
  WITH row, user, other, undid, back
  OPTIONAL MATCH (user)-[standing:BLOCKED]->(other)
  WITH row,
       user,
       other,
       undid,
       back,
       [at IN [undid.blockedAt, standing.at, CASE row.kind WHEN 'block' THEN row.at END] WHERE at IS NOT NULL] AS blocks,
       coalesce(undid.unblockTimes, []) + CASE row.kind WHEN 'unblock' THEN [row.at] ELSE [] END AS ends
  WITH user,
       other,
       undid,
       back,
       ends,
       reduce(last = null, at IN blocks | CASE WHEN last >= at THEN last ELSE at END) AS last
  CALL (ends, last) {
    UNWIND ends AS at
    WITH DISTINCT at
    WHERE at >= coalesce(last, -1)
    ORDER BY at
    LIMIT 100
    RETURN collect(at) AS left
  }
  SET undid.blockedAt = last,
      undid.unblockTimes = left
  WITH user,
       other,
       undid,
       back,
       last IS NOT NULL AND size(left) = 0 AS blocked,
       [one IN [undid, back] WHERE one.blockedAt IS NOT NULL | coalesce(one.unblockTimes[0], 9007199254740991)] AS ends
  WITH user,
       other,
       undid,
       back,
       blocked,
       reduce(last = -1, at IN ends | CASE WHEN last >= at THEN last ELSE at END) AS parted
  CALL (user, other, undid, blocked) {
    WITH user, other, undid
    WHERE blocked
    MERGE (user)-[standing:BLOCKED]->(other)
    SET standing.at = undid.blockedAt
  }
  CALL (user, other, blocked) {
    WITH user, other
    WHERE NOT blocked
    MATCH (user)-[standing:BLOCKED]->(other)
    DELETE standing
  }
  UNWIND [[user, other, undid], [other, user, back]] AS way
  WITH way[0] AS one, way[1] AS two, way[2] AS undid, parted
  SET undid.partedAt = CASE WHEN parted >= 0 THEN parted END
  WITH one, two, undid, parted
  OPTIONAL MATCH (one)-[follows:FOLLOWS]->(two)
  SET undid.followedAt = CASE
        WHEN undid.followedAt >= follows.since THEN undid.followedAt
        ELSE coalesce(follows.since, undid.followedAt)
      END
  WITH one, two, undid, follows, parted
  CALL (follows, parted) {
    WITH follows
    WHERE coalesce(follows.since, 0) <= parted
    DELETE follows
  }
  WITH one, two, undid, parted
  WHERE undid.followedAt > parted
    AND undid.followedAt > coalesce(undid.unfollowedAt, -1)
  MERGE (one)-[again:FOLLOWS]->(two)
  SET again.since = undid.followedAt
}
RETURN collect([row.place, applied]) AS told
