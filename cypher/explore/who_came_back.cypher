// How long after joining people were last seen watching, by the month in which they joined.
// A watch keeps its first and its last time: who was away for a year and came back looks like who watched all the time.
// Parameters: none.
// Columns: joined (month), people, never, within1Day, within30Days, within180Days, later (counts of people). Looks at
//   20,000 people who have a time of joining, and at 1,000 watches of each. 120 months at most, the newest first.
MATCH (user:User)
WHERE user.createdAt IS NOT NULL
WITH user
LIMIT 20000
CALL (user) {
  OPTIONAL MATCH (user)-[watched:WATCHED]->(:Content)
  WITH watched
  LIMIT 1000
  RETURN max(watched.lastAt) AS last
}
WITH left(toString(datetime({epochMillis: user.createdAt})), 7) AS joined,
     (last - user.createdAt) / 86400000.0 AS days
WITH joined,
     count(*) AS people,
     sum(CASE WHEN days IS NULL THEN 1 ELSE 0 END) AS never,
     sum(CASE WHEN days <= 1 THEN 1 ELSE 0 END) AS within1Day,
     sum(CASE WHEN days > 1 AND days <= 30 THEN 1 ELSE 0 END) AS within30Days,
     sum(CASE WHEN days > 30 AND days <= 180 THEN 1 ELSE 0 END) AS within180Days,
     sum(CASE WHEN days > 180 THEN 1 ELSE 0 END) AS later
RETURN joined, people, never, within1Day, within30Days, within180Days, later
ORDER BY joined DESC
LIMIT 120
