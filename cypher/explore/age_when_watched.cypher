// How old keaks are when they are watched first by each person.
// Parameters: none.
// Columns: age (oldest of the group, in days), watches (count), share. Looks at the 500 keaks with the largest audience that
//   have a time, and at 200 watches of each; watches before the keak was made are left out (times_that_lie shows them).
MATCH (keak:Keak)
WHERE keak.audience > 0
  AND keak.createdAt IS NOT NULL
WITH keak
ORDER BY keak.audience DESC, keak.contentId
LIMIT 500
CALL (keak) {
  MATCH (keak)<-[watched:WATCHED]-(:User)
  WITH watched
  LIMIT 200
  WHERE watched.firstAt >= keak.createdAt
  RETURN (watched.firstAt - keak.createdAt) / 86400000.0 AS days
}
WITH CASE WHEN days <= 1 THEN 1 WHEN days <= 7 THEN 7 WHEN days <= 30 THEN 30 WHEN days <= 180 THEN 180 END AS age
WITH age, count(*) AS watches
WITH collect({age: age, watches: watches}) AS groups, sum(watches) AS total
UNWIND groups AS one
RETURN coalesce(toString(one.age), 'older') AS age, one.watches AS watches, 1.0 * one.watches / total AS share
ORDER BY one.age IS NULL, one.age
