// What identifies artists and listening sessions; popularity, trend and freshness of tracks apart, as for other kinds.
CREATE CONSTRAINT artist_id IF NOT EXISTS
FOR (artist:Artist)
REQUIRE artist.artistId IS UNIQUE;

CREATE CONSTRAINT session_id IF NOT EXISTS
FOR (session:Session)
REQUIRE session.sessionId IS UNIQUE;

CREATE INDEX track_audience IF NOT EXISTS
FOR (content:Track)
ON (content.audience);

CREATE INDEX track_trend IF NOT EXISTS
FOR (content:Track)
ON (content.trend);

CREATE INDEX track_created IF NOT EXISTS
FOR (content:Track)
ON (content.createdAt);
