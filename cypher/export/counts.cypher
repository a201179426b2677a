// How many relationships of each type there are, from Neo4j's own count store.
// Parameters: none.
// Columns: type, count.
MATCH ()-[relationship:FOLLOWS]->()
RETURN 'FOLLOWS' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:WATCHED]->()
RETURN 'WATCHED' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:MADE]->()
RETURN 'MADE' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:USES]->()
RETURN 'USES' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:HAS_GENRE]->()
RETURN 'HAS_GENRE' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:HAS_MOOD]->()
RETURN 'HAS_MOOD' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:TAGGED]->()
RETURN 'TAGGED' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:LISTENS_TO]->()
RETURN 'LISTENS_TO' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:CREATES_IN]->()
RETURN 'CREATES_IN' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:BLOCKED]->()
RETURN 'BLOCKED' AS type, count(relationship) AS count
UNION ALL
MATCH ()-[relationship:HID]->()
RETURN 'HID' AS type, count(relationship) AS count
