// What a person watched and made: asked once a request, and handed to all queries of candidates, which leave it out.
// Parameters: userId (may be unknown).
// Columns: watched, made (ids of contents).
OPTIONAL MATCH (me:User {userId: $userId})
RETURN COLLECT { MATCH (me)-[:WATCHED]->(content) RETURN content.contentId } AS watched,
       COLLECT { MATCH (me)-[:MADE]->(content) RETURN content.contentId } AS made
