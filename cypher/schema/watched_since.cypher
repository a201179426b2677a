// What finds the newest watches without reading all: made by the first export that asks for them.
// Parameters: none.
// Columns: none.
CREATE INDEX watched_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.lastAt)
