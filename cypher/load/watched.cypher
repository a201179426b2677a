// Create or update what people watched, as graph/load/watch.py defines it: loading the same again changes nothing.
// Parameters: rows of [user, [[content, progress, liked, commented, shared, watchCount, firstAt, lastAt, times, likedAt,
//   commentedAt, sharedAt], ...]], all but the contents and the counts may be null (a flag's time is then lastAt);
//   most (times kept of a pair).
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS watch
MATCH (content:Content {contentId: watch[0]})
MERGE (user)-[watched:WATCHED]->(content)
  // This locks it: no event comes between reading and writing
  ON MATCH SET watched.watchCount = watched.watchCount
WITH user, content, watch, watched
OPTIONAL MATCH (user)-[undid:UNDID]->(content)
WITH watch,
     watched,
     undid,
     coalesce(watched.times, [watched.firstAt, watched.lastAt]) + coalesce(watch[8], [watch[6], watch[7]]) AS said,
     coalesce(watch[9], watch[7], 0) AS liked,
     coalesce(watch[10], watch[7], 0) AS commented,
     coalesce(watch[11], watch[7], 0) AS shared
CALL (said) {
  UNWIND said AS at
  WITH DISTINCT at
  WHERE at IS NOT NULL
  ORDER BY at DESC
  LIMIT $most
  RETURN reverse(collect(at)) AS times
}
WITH watch,
     watched,
     undid,
     times,
     CASE WHEN watch[2] AND liked > coalesce(undid.unlikedAt, -1) THEN liked END AS liked,
     CASE WHEN watch[3] AND commented > coalesce(undid.uncommentedAt, -1) THEN commented END AS commented,
     CASE WHEN watch[4] AND shared > coalesce(undid.unsharedAt, -1) THEN shared END AS shared
SET watched = {
  progress: CASE WHEN watched.progress >= watch[1] THEN watched.progress ELSE coalesce(watch[1], watched.progress) END,
  liked: CASE
    WHEN watched.liked OR liked IS NOT NULL THEN true
    WHEN watch[2] IS NULL THEN watched.liked
    ELSE false
  END,
  commented: CASE
    WHEN watched.commented OR commented IS NOT NULL THEN true
    WHEN watch[3] IS NULL THEN watched.commented
    ELSE false
  END,
  shared: CASE
    WHEN watched.shared OR shared IS NOT NULL THEN true
    WHEN watch[4] IS NULL THEN watched.shared
    ELSE false
  END,
  watchCount: CASE WHEN size(times) = 0 THEN 1 ELSE size(times) END,
  firstAt: CASE WHEN watched.firstAt <= watch[6] THEN watched.firstAt ELSE coalesce(watch[6], watched.firstAt) END,
  lastAt: CASE WHEN watched.lastAt >= watch[7] THEN watched.lastAt ELSE coalesce(watch[7], watched.lastAt) END,
  times: CASE WHEN size(times) > 2 THEN times END,
  likedAt: CASE
    WHEN liked > coalesce(watched.likedAt, -1) THEN liked
    WHEN watch[2] AND watched.likedAt IS NULL THEN undid.unlikedAt
    ELSE watched.likedAt
  END,
  commentedAt: CASE
    WHEN commented > coalesce(watched.commentedAt, -1) THEN commented
    WHEN watch[3] AND watched.commentedAt IS NULL THEN undid.uncommentedAt
    ELSE watched.commentedAt
  END,
  sharedAt: CASE
    WHEN shared > coalesce(watched.sharedAt, -1) THEN shared
    WHEN watch[4] AND watched.sharedAt IS NULL THEN undid.unsharedAt
    ELSE watched.sharedAt
  END
}
