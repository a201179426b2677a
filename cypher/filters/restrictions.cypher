// Whom and what a person must not be shown whatever else is known: asked first and by itself, since it is small.
// Parameters: userId (may be unknown).
// Columns: blocked (ids of people blocked on either side), hidden (ids of contents).
OPTIONAL MATCH (me:User {userId: $userId})
RETURN COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person.userId } AS blocked,
       COLLECT { MATCH (me)-[:HID]->(content:Content) RETURN content.contentId } AS hidden
