// The way of a content from person to person, to be drawn: who watched it after somebody whom they follow.
// Parameters: contentId.
// Columns: earlier (person), follows, later (person), watched, content. Looks at the 200 first watchers, shows 100 follows.
MATCH (content:Content {contentId: $contentId})
CALL (content) {
  MATCH (content)<-[watched:WATCHED]-(person:User)
  WHERE watched.firstAt IS NOT NULL
  WITH watched, person
  ORDER BY watched.firstAt, person.userId
  LIMIT 200
  RETURN collect({person: person, watched: watched}) AS watches
}
UNWIND watches AS one
UNWIND watches AS other
WITH content, one, other
WHERE one.watched.firstAt < other.watched.firstAt
MATCH (before:User {userId: one.person.userId})<-[follows:FOLLOWS]-(after:User {userId: other.person.userId})
RETURN before AS earlier, follows, after AS later, other.watched AS watched, content
LIMIT 100
