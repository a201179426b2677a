// The schema files that this graph has seen.
// Parameters: none.
// Columns: name.
MATCH (version:SchemaVersion)
RETURN version.name AS name
ORDER BY name
