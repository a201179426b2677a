// Remember that a schema file was applied.
// Parameters: name (the file's, e.g. "schema/V0001__constraints").
// Columns: none.
MERGE (version:SchemaVersion {name: $name})
ON CREATE SET version.appliedAt = datetime()
