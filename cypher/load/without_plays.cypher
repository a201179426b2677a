// Take plays out of WATCHED, before their sessions go: it then tells of the other plays and of what came otherwise.
// A pair of which nothing else is known goes. The progress stays where something else may have said it.
// Parameters: rows of [user, content, [time of a play that goes, ...]]; most (times kept of a pair).
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})-[watched:WATCHED]->(content:Content {contentId: row[1]})
// This locks it: no event comes between reading and writing
SET watched.watchCount = watched.watchCount
WITH row, user, content, watched, coalesce(watched.times, [watched.firstAt, watched.lastAt]) AS said
CALL (row, user, content) {
  MATCH (user)-[:OPENED]->(:Session)-[played:PLAYED]->(content)
  WHERE NOT played.at IN row[2]
  RETURN collect(played.at) AS played, max(played.share) AS share
}
WITH watched,
     played,
     share,
     row[2] AS gone,
     [at IN said WHERE at IS NOT NULL AND NOT at IN row[2]] AS others
CALL (played, others) {
  UNWIND played + others AS at
  WITH DISTINCT at
  ORDER BY at DESC
  LIMIT $most
  RETURN reverse(collect(at)) AS times
}
WITH watched,
     gone,
     times,
     share,
     all(at IN others WHERE at IN played) AS plays,
     watched.liked IS NULL AND watched.commented IS NULL AND watched.shared IS NULL AS silent
CALL (watched, times, silent) {
  WITH watched, times, silent
  WHERE size(times) = 0 AND silent
  DELETE watched
}
WITH watched, gone, times, share, plays
WHERE size(times) > 0 OR NOT silent
SET watched.progress = CASE WHEN plays THEN share ELSE watched.progress END,
    watched.watchCount = size(times),
    watched.firstAt = CASE
      WHEN watched.firstAt < times[0] AND NOT watched.firstAt IN gone THEN watched.firstAt
      ELSE times[0]
    END,
    watched.lastAt = times[-1],
    watched.times = CASE WHEN size(times) > 2 THEN times END
