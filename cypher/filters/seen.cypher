// What a person watched and made: asked once a request, and handed to all queries of candidates, which leave it out; and
// what they want less of.
// Parameters: userId (may be unknown).
// Columns: watched, made (ids of contents), less (of each content that they want less of: its id and when, ms).
OPTIONAL MATCH (me:User {userId: $userId})
RETURN COLLECT { MATCH (me)-[:WATCHED]->(content) RETURN content.contentId } AS watched,
       COLLECT { MATCH (me)-[:MADE]->(content) RETURN content.contentId } AS made,
       COLLECT { MATCH (me)-[less:LESS]->(content) RETURN [content.contentId, less.at] } AS less
