// Separate indexes on popularity, trend and time of creation for keaks and for beats, so that a rare kind is found fast.
CREATE INDEX keak_audience IF NOT EXISTS
FOR (content:Keak)
ON (content.audience);

CREATE INDEX beat_audience IF NOT EXISTS
FOR (content:Beat)
ON (content.audience);

CREATE INDEX keak_trend IF NOT EXISTS
FOR (content:Keak)
ON (content.trend);

CREATE INDEX beat_trend IF NOT EXISTS
FOR (content:Beat)
ON (content.trend);

CREATE INDEX keak_created IF NOT EXISTS
FOR (content:Keak)
ON (content.createdAt);

CREATE INDEX beat_created IF NOT EXISTS
FOR (content:Beat)
ON (content.createdAt);

DROP INDEX content_trend IF EXISTS;
