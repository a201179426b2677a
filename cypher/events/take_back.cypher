// People took back a like, a comment or a share.
// Parameters: rows of {place, producer, eventId, at (ms), userId, contentId, kind (unlike,
//   delete_comment or unshare)}; receivedAt (ms).
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
  WITH row, user, content, undid, row.kind = 'unlike' AS unliked, row.kind = 'delete_comment' AS uncommented,
       row.kind = 'unshare' AS unshared
  SET undid.unlikedAt = CASE
        WHEN unliked AND row.at > coalesce(undid.unlikedAt, -1) THEN row.at
        ELSE undid.unlikedAt
      END,
      undid.uncommentedAt = CASE
        WHEN uncommented AND row.at > coalesce(undid.uncommentedAt, -1) THEN row.at
        ELSE undid.uncommentedAt
      END,
      undid.unsharedAt = CASE
        WHEN unshared AND row.at > coalesce(undid.unsharedAt, -1) THEN row.at
        ELSE undid.unsharedAt
      END
  WITH row, user, content, unliked, uncommented, unshared
  MATCH (user)-[watched:WATCHED]->(content)
  WITH row,
       watched,
       unliked AND row.at >= watched.likedAt AS unliked,
       uncommented AND row.at >= watched.commentedAt AS uncommented,
       unshared AND row.at >= watched.sharedAt AS unshared
  SET watched.liked = CASE WHEN unliked THEN false ELSE watched.liked END,
      watched.likedAt = CASE WHEN unliked THEN row.at ELSE watched.likedAt END,
      watched.commented = CASE WHEN uncommented THEN false ELSE watched.commented END,
      watched.commentedAt = CASE WHEN uncommented THEN row.at ELSE watched.commentedAt END,
      watched.shared = CASE WHEN unshared THEN false ELSE watched.shared END,
      watched.sharedAt = CASE WHEN unshared THEN row.at ELSE watched.sharedAt END
}
RETURN collect([row.place, applied]) AS told
