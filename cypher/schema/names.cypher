// Make the names that events write known to the database: the first use of each would be a transaction of its own.
// Parameters: labels, types (of relationships), properties.
// Columns: known (how many).
CALL () {
  UNWIND $labels AS name
  CALL db.createLabel(name)
  RETURN count(*) AS labels
}
CALL () {
  UNWIND $types AS name
  CALL db.createRelationshipType(name)
  RETURN count(*) AS types
}
CALL () {
  UNWIND $properties AS name
  CALL db.createProperty(name)
  RETURN count(*) AS properties
}
RETURN labels + types + properties AS known
