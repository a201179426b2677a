// Who wants less of what is like which content. Asked once for each view that is opened.
// Parameters: none.
// Columns: source (user id), target (content id), at (ms).
MATCH (user:User)-[less:LESS]->(content:Content)
RETURN user.userId AS source, content.contentId AS target, less.at AS at
