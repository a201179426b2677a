// What the graph holds by now of people and contents that events were about.
// Parameters: rows of [userId, contentId].
// Columns: pairs, a list of {source, target; holds (whether a WATCHED is there), watched (whether it is more
//   than a like, comment or share), at (ms), progress, liked, shared, commented, hid,
//   less (when the person asked for less of what is like it, ms; null where not);
//   audience, trend of the content}, without those of which the graph does not have both.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
MATCH (content:Content {contentId: row[1]})
OPTIONAL MATCH (user)-[watched:WATCHED]->(content)
RETURN collect({
  source: row[0],
  target: row[1],
  holds: watched IS NOT NULL,
  watched: watched IS NOT NULL AND (watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0),
  at: watched.lastAt,
  progress: watched.progress,
  liked: watched.liked,
  shared: watched.shared,
  commented: watched.commented,
  hid: EXISTS { (user)-[:HID]->(content) },
  less: head([(user)-[less:LESS]->(content) | less.at]),
  audience: coalesce(content.audience, 0),
  trend: content.trend
}) AS pairs
