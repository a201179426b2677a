// What most people watched, and who made it.
// Parameters: none.
// Columns: contentId, title, audience (count), madeBy (names or ids). Shows 25.
MATCH (content:Content)
WHERE content.audience > 0
WITH content
ORDER BY content.audience DESC, content.contentId
LIMIT 25
RETURN content.contentId AS contentId,
       content.title AS title,
       content.audience AS audience,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN coalesce(maker.name, maker.userId) } AS madeBy
