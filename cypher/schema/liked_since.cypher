// Index on the times of likes, to find the newest ones. The first export that needs it creates it.
// Parameters: none.
// Columns: none.
CREATE INDEX liked_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.likedAt)
