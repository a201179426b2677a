// Whether the graph holds anything but the record of its schema.
// Parameters: none.
// Columns: holds; one row.
RETURN EXISTS { MATCH (node) WHERE NOT node:SchemaVersion } AS holds
