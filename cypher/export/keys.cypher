// Which properties the graph has, or had once.
// Parameters: none.
// Columns: keys (list of names).
CALL db.propertyKeys() YIELD propertyKey
RETURN collect(propertyKey) AS keys
