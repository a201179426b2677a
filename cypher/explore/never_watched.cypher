// Contents that nobody watched yet, the newest first: what new content a feed should try.
// Parameters: none.
// Columns: contentId, title, made (date), madeBy (name or id). Shows 25.
MATCH (content:Content)
WHERE coalesce(content.audience, 0) = 0
WITH content
ORDER BY content.createdAt IS NULL, content.createdAt DESC, content.contentId
LIMIT 25
RETURN content.contentId AS contentId,
       content.title AS title,
       CASE WHEN content.createdAt IS NOT NULL THEN date(datetime({epochMillis: content.createdAt})) END AS made,
       COLLECT { MATCH (content)<-[:MADE]-(maker:User) RETURN coalesce(maker.name, maker.userId) } AS madeBy
