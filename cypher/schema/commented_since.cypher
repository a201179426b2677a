// What finds the newest comments without reading all watches: made by the first export that asks for them.
// Parameters: none.
// Columns: none.
CREATE INDEX commented_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.commentedAt)
