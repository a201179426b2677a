// What the graph holds by now of people and contents that events were about.
// Parameters: rows of [userId, contentId].
// Columns: source, target; holds (whether a WATCHED is there), watched (whether it is more
//   than a like, comment or share), at (ms), progress, liked, shared, commented, hid;
//   audience, trend of the content. Pairs of which the graph does not have both give no row.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
MATCH (content:Content {contentId: row[1]})
OPTIONAL MATCH (user)-[watched:WATCHED]->(content)
RETURN row[0] AS source,
       row[1] AS target,
       watched IS NOT NULL AS holds,
       watched IS NOT NULL AND (watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0) AS watched,
       watched.lastAt AS at,
       watched.progress AS progress,
       watched.liked AS liked,
       watched.shared AS shared,
       watched.commented AS commented,
       EXISTS { (user)-[:HID]->(content) } AS hid,
       coalesce(content.audience, 0) AS audience,
       content.trend AS trend
