// What finds the newest shares without reading all watches: made by the first export that asks for them.
// Parameters: none.
// Columns: none.
CREATE INDEX shared_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.sharedAt)
