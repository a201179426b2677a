// Indexes for online queries and events: popularity, trend and time of creation of contents, and ids of events.
CREATE INDEX content_audience IF NOT EXISTS
FOR (content:Content)
ON (content.audience);

CREATE INDEX content_trend IF NOT EXISTS
FOR (content:Content)
ON (content.trend);

CREATE INDEX content_created IF NOT EXISTS
FOR (content:Content)
ON (content.createdAt);

CREATE CONSTRAINT event_id IF NOT EXISTS
FOR (event:Event)
REQUIRE event.eventId IS UNIQUE;

CREATE INDEX event_at IF NOT EXISTS
FOR (event:Event)
ON (event.at);
