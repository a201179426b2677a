// What finds the newest follows without reading all: made by the first export that asks for them.
// Parameters: none.
// Columns: none.
CREATE INDEX follows_since IF NOT EXISTS
FOR ()-[follows:FOLLOWS]-()
ON (follows.since)
