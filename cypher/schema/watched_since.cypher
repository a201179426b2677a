// Index on the times of last watches, to find the newest ones. The first export that needs it creates it.
// Parameters: none.
// Columns: none.
CREATE INDEX watched_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.lastAt)
