// Ids of events are unique for each producer, and indexed by the time of receipt, to be deleted 30 days later.
DROP CONSTRAINT event_id IF EXISTS;

DROP INDEX event_at IF EXISTS;

MATCH (event:Event)
WHERE event.producer IS NULL
CALL (event) {
  SET event.producer = '',
      event.receivedAt = timestamp()
  REMOVE event.at
} IN TRANSACTIONS OF 10000 ROWS;

CREATE CONSTRAINT event_of_producer IF NOT EXISTS
FOR (event:Event)
REQUIRE (event.producer, event.eventId) IS UNIQUE;

CREATE INDEX event_received IF NOT EXISTS
FOR (event:Event)
ON (event.receivedAt);
