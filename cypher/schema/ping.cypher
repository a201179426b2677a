// Does the database answer?
// Parameters: none.
// Columns: success.
CALL db.ping()
YIELD success
RETURN success
