// Index on the times of follows, to find the newest ones. The first export that needs it creates it.
// Parameters: none.
// Columns: none.
CREATE INDEX follows_since IF NOT EXISTS
FOR ()-[follows:FOLLOWS]-()
ON (follows.since)
