// Makers whose contents are watched most.
// Parameters: none.
// Columns: userId, name, contents (count), audience (sum), followers (count). Looks at the 20,000 contents with the largest
//   audience, shows 25.
MATCH (content:Content)
WHERE content.audience > 0
WITH content
ORDER BY content.audience DESC, content.contentId
LIMIT 20000
MATCH (content)<-[:MADE]-(maker:User)
WITH maker, count(*) AS contents, sum(content.audience) AS audience
ORDER BY audience DESC, maker.userId
LIMIT 25
RETURN maker.userId AS userId, maker.name AS name, contents, audience, COUNT { (maker)<-[:FOLLOWS]-() } AS followers
