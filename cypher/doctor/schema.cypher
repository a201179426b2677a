// The named indexes, those behind constraints included, and whether each answers.
// Parameters: none.
// Columns: name, state ("ONLINE", "POPULATING" or "FAILED").
SHOW INDEXES
YIELD name, state
RETURN name, state
