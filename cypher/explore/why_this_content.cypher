// Why a content may be recommended to a person, to be drawn: the people they follow who watched it.
// In Browser: `:param {userId: '123', contentId: 'keaks/456'}` first.
// Parameters: userId, contentId.
// Columns: path.
MATCH path = (:User {userId: $userId})-[:FOLLOWS]->(:User)-[:WATCHED]->(:Content {contentId: $contentId})
RETURN path
LIMIT 50
