// Events that arrived within 24 hours, by hour and producer. The graph keeps the ids of events for 30 days.
// Parameters: day (the beginning, ms since 1970).
// Columns: hour (of UTC), producer, events (count).
MATCH (event:Event)
WHERE event.receivedAt >= $day
  AND event.receivedAt < $day + 86400000
WITH datetime({epochMillis: event.receivedAt}).hour AS hour, event.producer AS producer
RETURN hour, producer, count(*) AS events
ORDER BY hour, producer
LIMIT 1000
