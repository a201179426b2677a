// How far a content spreads along follows: how many of those who watched it follow somebody who had watched it before.
// Parameters: contentId.
// Columns: watchers, timed (watchers with a time), afterAFriend (of these), share. Looks at the 500 first watchers, and at
//   500 follows of each.
MATCH (content:Content {contentId: $contentId})
CALL (content) {
  MATCH (content)<-[watched:WATCHED]-(person:User)
  WHERE watched.firstAt IS NOT NULL
  WITH person, watched.firstAt AS at
  ORDER BY at, person.userId
  LIMIT 500
  RETURN person, at
}
CALL (content, person, at) {
  MATCH (person)-[:FOLLOWS]->(friend:User)
  WITH content, friend, at
  LIMIT 500
  MATCH (friend)-[earlier:WATCHED]->(content)
  WHERE earlier.firstAt < at
  RETURN count(*) > 0 AS after
}
WITH content, count(*) AS timed, sum(CASE WHEN after THEN 1 ELSE 0 END) AS afterAFriend
RETURN coalesce(content.audience, 0) AS watchers, timed, afterAFriend, 1.0 * afterAFriend / timed AS share
