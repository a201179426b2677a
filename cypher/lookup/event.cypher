// Whether an event was counted.
// Parameters: producer, eventId.
// Columns: receivedAt (ms). No row for an event that was not counted, or is forgotten.
MATCH (event:Event {producer: $producer, eventId: $eventId})
RETURN event.receivedAt AS receivedAt
