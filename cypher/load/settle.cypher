// Work out what is kept on each content (schema.CONTENT_KEPT): its audience, and its trend as graph/events.py defines it.
// Parameters: contents (ids); rate (the growth of the logarithm of a watch's weight, per millisecond).
// Columns: none.
UNWIND $contents AS contentId
MATCH (content:Content {contentId: contentId})
OPTIONAL MATCH (content)<-[watched:WATCHED]-(:User)
WITH content, count(watched) AS audience, max(watched.lastAt) AS newest, collect(watched.lastAt) AS times
SET content.audience = audience,
    content.trend = newest * $rate + log(reduce(weight = 0.0, at IN times | weight + exp((at - newest) * $rate)))
