// How much of a content is watched by how long it is: the watch ratio of short and of long ones, and the seconds that it comes to.
// Parameters: none.
// Columns: upTo (seconds of the longest of the group), contents, rows (counts), ratio (mean), median, complete (share of rows
//   with a ratio of 1 or more), seconds (mean watched). Looks at the 500 contents with the largest audience that have a
//   duration, and at 200 rows of each.
MATCH (content:Content)
WHERE content.audience > 0
  AND content.duration > 0
WITH content
ORDER BY content.audience DESC
LIMIT 500
CALL (content) {
  MATCH (content)<-[said:WATCH_RATIO]-(:User)
  WITH said
  LIMIT 200
  RETURN collect(said.ratio) AS ratios
}
WITH content, ratios
WHERE size(ratios) > 0
WITH content,
     ratios,
     CASE
       WHEN content.duration <= 5 THEN 5
       WHEN content.duration <= 10 THEN 10
       WHEN content.duration <= 20 THEN 20
       WHEN content.duration <= 60 THEN 60
       WHEN content.duration <= 180 THEN 180
     END AS upTo
UNWIND ratios AS ratio
RETURN coalesce(toString(upTo), 'longer') AS upTo,
       count(DISTINCT content) AS contents,
       count(*) AS rows,
       avg(ratio) AS ratio,
       percentileCont(ratio, 0.5) AS median,
       avg(CASE WHEN ratio >= 1 THEN 1.0 ELSE 0.0 END) AS complete,
       avg(ratio * content.duration) AS seconds
ORDER BY upTo = 'longer', toInteger(upTo)
