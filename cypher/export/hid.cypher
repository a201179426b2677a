// Who hid what.
// Parameters: none.
// Columns: one row of lists of the same length: sources, targets (numbers), at (ms; null where unknown).
MATCH (user:User)-[relationship:HID]->(content:Content)
WITH collect(id(user)) AS sources, collect(id(content)) AS targets, collect(relationship) AS relationships
RETURN sources, targets, [relationship IN relationships | relationship.at] AS at
