// Work out what is kept on each content (schema.CONTENT_KEPT): audience and trend, as graph/load/watch.py defines them.
// Parameters: contents (ids); rate (the growth of the logarithm of a watch's weight, per millisecond).
// Columns: none.
UNWIND $contents AS contentId
MATCH (content:Content {contentId: contentId})
// This locks it: no event comes between reading and writing
SET content.audience = coalesce(content.audience, 0)
WITH content
OPTIONAL MATCH (content)<-[watched:WATCHED]-(:User)
WITH content,
     count(CASE WHEN watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0 THEN watched END) AS audience,
     max(watched.lastAt) AS newest,
     collect(watched.lastAt) AS times
SET content.audience = audience,
    content.trend = newest * $rate + log(reduce(weight = 0.0, at IN times | weight + exp((at - newest) * $rate)))
