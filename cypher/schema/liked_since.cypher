// What finds the newest likes without reading all watches: made by the first export that asks for them.
// Parameters: none.
// Columns: none.
CREATE INDEX liked_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.likedAt)
