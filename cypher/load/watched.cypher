// Create or update what people watched. Every property is folded so that loading the same again changes nothing.
// Parameters: rows of [user, [[content, progress, liked, commented, shared, watchCount, firstAt, lastAt], ...]];
//   all but the contents and the counts may be null.
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS watch
MATCH (content:Content {contentId: watch[0]})
MERGE (user)-[watched:WATCHED]->(content)
  ON CREATE SET watched = {
    progress: watch[1], liked: watch[2], commented: watch[3], shared: watch[4],
    watchCount: watch[5], firstAt: watch[6], lastAt: watch[7]
  }
  ON MATCH SET watched.progress = CASE
        WHEN watched.progress >= watch[1] THEN watched.progress
        ELSE coalesce(watch[1], watched.progress)
      END,
      watched.liked = coalesce(watched.liked OR watch[2], watched.liked, watch[2]),
      watched.commented = coalesce(watched.commented OR watch[3], watched.commented, watch[3]),
      watched.shared = coalesce(watched.shared OR watch[4], watched.shared, watch[4]),
      watched.watchCount = CASE
        WHEN watched.watchCount >= watch[5] THEN watched.watchCount
        ELSE watch[5]
      END,
      watched.firstAt = CASE
        WHEN watched.firstAt <= watch[6] THEN watched.firstAt
        ELSE coalesce(watch[6], watched.firstAt)
      END,
      watched.lastAt = CASE
        WHEN watched.lastAt >= watch[7] THEN watched.lastAt
        ELSE coalesce(watch[7], watched.lastAt)
      END
