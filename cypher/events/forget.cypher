// Forgets the oldest event ids, which nobody will send again.
// Parameters: before: time up to which ids are forgotten; limit: most ids at once.
// Columns: forgotten (count).
MATCH (event:Event)
WHERE event.at < $before
WITH event
LIMIT $limit
DELETE event
RETURN count(*) AS forgotten
