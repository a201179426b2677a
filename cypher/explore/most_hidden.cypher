// What people do not want to see: contents that were hidden, and how many watched them all the same.
// Parameters: none.
// Columns: contentId, title, hidden, audience (counts of people). Looks at 100,000 hides, shows 25.
MATCH (:User)-[hid:HID]->(content:Content)
WITH hid, content
LIMIT 100000
WITH content, count(*) AS hidden
RETURN content.contentId AS contentId, content.title AS title, hidden, coalesce(content.audience, 0) AS audience
ORDER BY hidden DESC, contentId
LIMIT 25
