// Forgets the event ids that were received longest ago, which nobody will send again.
// Parameters: before: time of receipt (ms) up to which ids are forgotten; limit: most ids at once.
// Columns: forgotten (count).
MATCH (event:Event)
WHERE event.receivedAt < $before
WITH event
LIMIT $limit
DELETE event
RETURN count(*) AS forgotten
