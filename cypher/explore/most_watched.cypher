// What most people watched, and who made it.
// Parameters: none.
// Columns: contentId, audience, madeBy.
MATCH (content:Content)
WHERE content.audience > 0
WITH content
ORDER BY content.audience DESC
LIMIT 25
RETURN content.contentId AS contentId,
       content.audience AS audience,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN maker.userId } AS madeBy
