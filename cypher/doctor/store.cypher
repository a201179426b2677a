// The format in which the database keeps its records, e.g. "record-aligned-1.1".
// Parameters: database.
// Columns: store.
SHOW DATABASES
YIELD name, store
WHERE name = $database
RETURN store
