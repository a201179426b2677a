// Index on the times of shares, to find the newest ones. The first export that needs it creates it.
// Parameters: none.
// Columns: none.
CREATE INDEX shared_since IF NOT EXISTS
FOR ()-[watched:WATCHED]-()
ON (watched.sharedAt)
