// What people and contents are called, to show it in place of their ids.
// Parameters: userIds, contentIds.
// Columns: id (users/… or a content's), name. People marked private (isPrivate) and nodes without a name give no row.
CALL () {
  UNWIND $userIds AS userId
  MATCH (user:User {userId: userId})
  WHERE NOT coalesce(user.isPrivate, false)
  RETURN 'users/' + userId AS id, user.name AS name
  UNION ALL
  UNWIND $contentIds AS contentId
  MATCH (content:Content {contentId: contentId})
  RETURN contentId AS id, content.title AS name
}
WITH id, name
WHERE name <> ''
RETURN id, name
