// Index on the times of comments, to find the newest ones. The first export that needs it creates it.
// Parameters: none.
// Columns: none.
CREATE INDEX commented_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.commentedAt)
