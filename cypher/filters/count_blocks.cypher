// How many blocks stand, from Neo4j's own count store.
// Parameters: none.
// Columns: count.
RETURN COUNT { ()-[:BLOCKED]->() } AS count
