// The people and contents that a person must not be shown, and how many people they follow. A small query of its own,
// so that it can be answered first.
// Parameters: userId (may be unknown).
// Columns: blocked (ids of people blocked on either side), hidden and seen (ids of contents), follows (a number).
OPTIONAL MATCH (me:User {userId: $userId})
RETURN COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person.userId } AS blocked,
       COLLECT { MATCH (me)-[:HID]->(content:Content) RETURN content.contentId } AS hidden,
       COLLECT { MATCH (me)-[:WATCHED]->(content:Content) RETURN content.contentId } AS seen,
       COUNT { (me)-[:FOLLOWS]->(:User) } AS follows
