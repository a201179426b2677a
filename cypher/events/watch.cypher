// People watched, liked, commented on or shared contents, as graph/load/watch.py defines it: in any order.
// Parameters: rows of {place, producer, eventId, at (ms), userId, contentId, kind (watch, like, comment or share),
//   progress (0..1 or null)}; receivedAt (ms); most (times kept of a pair); rate (see load/settle).
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
  // This locks it: two writers do not lose each other's count
  SET content.audience = coalesce(content.audience, 0)
  MERGE (user:User {userId: row.userId})
  MERGE (user)-[watched:WATCHED]->(content)
    ON CREATE SET watched.watchCount = 0
    // This locks it: no import comes between reading and writing
    ON MATCH SET watched.watchCount = watched.watchCount
  WITH row, user, content, watched, watched.lastAt AS before
  SET content.audience = content.audience
        + CASE WHEN row.kind = 'watch' AND before IS NULL AND watched.watchCount = 0 THEN 1 ELSE 0 END
  WITH row, user, content, watched, before
  OPTIONAL MATCH (user)-[undid:UNDID]->(content)
  WITH row,
       content,
       watched,
       undid,
       before,
       coalesce(watched.times, [watched.firstAt, before]) + CASE row.kind WHEN 'watch' THEN [row.at] ELSE [] END AS said
  CALL (said) {
    UNWIND said AS at
    WITH DISTINCT at
    WHERE at IS NOT NULL
    ORDER BY at DESC
    LIMIT $most
    RETURN reverse(collect(at)) AS times
  }
  WITH row,
       content,
       watched,
       undid,
       before,
       times,
       CASE row.kind WHEN 'watch' THEN row.at END AS at,
       row.kind = 'like' AND row.at > coalesce(undid.unlikedAt, -1) AS liked,
       row.kind = 'comment' AND row.at > coalesce(undid.uncommentedAt, -1) AS commented,
       row.kind = 'share' AND row.at > coalesce(undid.unsharedAt, -1) AS shared
  SET watched = {
    progress: CASE
      WHEN row.progress IS NULL OR watched.progress >= row.progress THEN watched.progress
      ELSE row.progress
    END,
    liked: CASE
      WHEN watched.liked OR liked THEN true
      WHEN row.kind = 'like' THEN false
      ELSE watched.liked
    END,
    commented: CASE
      WHEN watched.commented OR commented THEN true
      WHEN row.kind = 'comment' THEN false
      ELSE watched.commented
    END,
    shared: CASE
      WHEN watched.shared OR shared THEN true
      WHEN row.kind = 'share' THEN false
      ELSE watched.shared
    END,
    watchCount: CASE WHEN size(times) = 0 THEN coalesce(watched.watchCount, 0) ELSE size(times) END,
    firstAt: CASE WHEN watched.firstAt <= at THEN watched.firstAt ELSE coalesce(at, watched.firstAt) END,
    lastAt: CASE WHEN before >= at THEN before ELSE coalesce(at, before) END,
    times: CASE WHEN size(times) > 2 THEN times END,
    likedAt: CASE
      WHEN liked AND row.at > coalesce(watched.likedAt, -1) THEN row.at
      WHEN row.kind = 'like' AND watched.likedAt IS NULL THEN undid.unlikedAt
      ELSE watched.likedAt
    END,
    commentedAt: CASE
      WHEN commented AND row.at > coalesce(watched.commentedAt, -1) THEN row.at
      WHEN row.kind = 'comment' AND watched.commentedAt IS NULL THEN undid.uncommentedAt
      ELSE watched.commentedAt
    END,
    sharedAt: CASE
      WHEN shared AND row.at > coalesce(watched.sharedAt, -1) THEN row.at
      WHEN row.kind = 'share' AND watched.sharedAt IS NULL THEN undid.unsharedAt
      ELSE watched.sharedAt
    END
  }
  WITH content, before, at
  WHERE at > coalesce(before, -1)
  WITH content,
       at * $rate AS pulse,
       before * $rate AS old,
       CASE WHEN content.trend > at * $rate THEN content.trend ELSE at * $rate END AS top
  SET content.trend = top + log(
        exp(pulse - top)
          + CASE WHEN content.trend IS NULL THEN 0.0 ELSE exp(content.trend - top) END
          - CASE WHEN old IS NULL THEN 0.0 ELSE exp(old - top) END
      )
}
RETURN collect([row.place, applied]) AS told
