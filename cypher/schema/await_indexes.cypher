// Wait until every index answers: a fresh one is filled in the background.
// Parameters: seconds (the longest wait).
// Columns: none.
CALL db.awaitIndexes($seconds)
