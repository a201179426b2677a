// The freshest facts about each candidate that decide whether it may be shown to a person, and how it is shown.
// Parameters: userId (may be unknown), contentIds.
// Columns: contentId, kind, link, madeBy (ids), audience, seen, own, hidden, blocked (either made by somebody the person
//   blocked or by somebody who blocked them). Contents the graph does not have give no row.
OPTIONAL MATCH (me:User {userId: $userId})
UNWIND $contentIds AS contentId
MATCH (content:Content {contentId: contentId})
OPTIONAL MATCH (content)<-[:MADE]-(maker:User)
WITH me, content, collect(maker) AS makers
RETURN content.contentId AS contentId,
       CASE WHEN content:Beat THEN 'beat' ELSE 'keak' END AS kind,
       content.link AS link,
       [maker IN makers | maker.userId] AS madeBy,
       coalesce(content.audience, 0) AS audience,
       EXISTS { (me)-[:WATCHED]->(content) } AS seen,
       coalesce(me IN makers, false) AS own,
       EXISTS { (me)-[:HID]->(content) } AS hidden,
       any(maker IN makers WHERE EXISTS { (me)-[:BLOCKED]-(maker) }) AS blocked
