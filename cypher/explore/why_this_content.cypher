// Why a content is recommended to a person. A feed asks the same question: each of its reasons is one of these facts.
// Parameters: userId (may be unknown), contentIds, now (ms since 1970).
// Columns: contentId; createdAt (ms); watchers (count); hiddenWatchers (how many of them are blocked on either side);
//   recent ({count, atLeast}: who watched it within 7 days before now); followed (a list of {did: liked, shared, commented
//   or watched; count; atLeast; people: ids of up to three; at: newest time known, ms}: what people did whom the person
//   follows); makers ({count, people}: those whom the person follows); together ([{id, count, atLeast}]: of the contents
//   that the person watched last, the one that most people watched who watched this content too); beats, genres, hashtags
//   ([{id, did, count, atLeast}]: what it shares with contents that the person watched or made; for genres did may also be
//   listens to or creates in, with count 0).
// Blocked people are in no count, and what they made is not named as an id; private ones (isPrivate) are in counts but
// not in people. A count is exact unless atLeast:
// of people one follows 200 are looked at and 500 watches of each, of one's own contents 300, of them 10 for together, and
// of the people who watched a content 300.
OPTIONAL MATCH (me:User {userId: $userId})
WITH me, COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person } AS blocked
WITH me,
     blocked,
     COLLECT { UNWIND blocked AS person MATCH (person)-[:MADE]->(content:Content) RETURN DISTINCT content } AS theirs,
     COLLECT {
       MATCH (me)-[:FOLLOWS]->(friend:User)
       WITH friend
       LIMIT 200
       WHERE friend <> me
         AND NOT friend IN blocked
       RETURN friend
     } AS friends
WITH me,
     blocked,
     theirs,
     friends,
     COUNT { (me)-[:FOLLOWS]->() } > 200
       OR any(friend IN friends WHERE COUNT { (friend)-[:WATCHED]->() } > 500) AS manyFriends,
     COUNT { (me)-[:WATCHED]->() } > 300
       OR COUNT { (me)-[:MADE]->() } > 300 AS manyOwn
CALL () {
  MATCH (content:Content)
  WHERE content.contentId IN $contentIds
  RETURN collect(content) AS contents
}
CALL (blocked, contents) {
  UNWIND contents AS content
  CALL (content) {
    MATCH (content)<-[watched:WATCHED]-(person)
    RETURN person, watched.lastAt AS at
    LIMIT 300
  }
  WITH content,
       collect(person) AS people,
       count(CASE WHEN $now - 7 * 86400000 < at <= $now AND NOT person IN blocked THEN 1 END) AS recent
  RETURN collect({content: content, people: people, recent: recent}) AS audiences
}
CALL (friends, contents) {
  UNWIND friends AS friend
  CALL (friend) {
    MATCH (friend)-[watched:WATCHED]->(content)
    RETURN watched, content
    LIMIT 500
  }
  WITH friend, watched, content, contents
  WHERE content IN contents
  WITH friend, watched, content
  ORDER BY friend.userId
  RETURN collect({
    content: content,
    id: CASE WHEN coalesce(friend.isPrivate, false) THEN null ELSE friend.userId END,
    liked: coalesce(watched.liked, false),
    shared: coalesce(watched.shared, false),
    commented: coalesce(watched.commented, false),
    watched: true,
    at: watched.lastAt
  }) AS activity
}
CALL (me) {
  CALL (me) {
    MATCH (me)-[watched:WATCHED]->(item:Content)
    WITH watched, item
    LIMIT 300
    RETURN item, 'watched' AS did, watched.lastAt AS at
    UNION ALL
    MATCH (me)-[:MADE]->(item:Content)
    WITH item
    LIMIT 300
    RETURN item, 'made' AS did, null AS at
  }
  WITH item, did, at
  ORDER BY at IS NULL, at DESC, item.contentId
  RETURN collect({item: item, did: did}) AS own
}
CALL (me, blocked, theirs, own, audiences) {
  CALL (theirs, own, audiences) {
    UNWIND [one IN own WHERE 'watched' = one.did AND NOT one.item IN theirs | one.item][..10] AS item
    CALL (item) {
      MATCH (item)<-[:WATCHED]-(person)
      RETURN person
      LIMIT 300
    }
    RETURN person, item, null AS content
    UNION ALL
    UNWIND audiences AS audience
    UNWIND audience.people AS person
    RETURN person, null AS item, audience.content AS content
  }
  WITH me, blocked, person, collect(item) AS items, collect(content) AS both
  WHERE size(items) > 0
    AND size(both) > 0
    AND NOT person IN blocked
    AND person <> me
  UNWIND items AS item
  UNWIND both AS content
  WITH item, content, count(*) AS count
  WHERE item <> content
  WITH item, content, count
  ORDER BY count DESC, item.contentId
  RETURN collect({
    content: content,
    id: item.contentId,
    count: count,
    atLeast: COUNT { (item)<-[:WATCHED]-() } > 300
      OR COUNT { (content)<-[:WATCHED]-() } > 300
  }) AS pairs
}
CALL (theirs, own) {
  UNWIND own AS one
  WITH one.item AS item, one.did AS did, theirs
  MATCH (item)-[:USES]->{0,1}(beat:Beat)
  WHERE NOT beat IN theirs
  WITH beat, did, count(DISTINCT item) AS count
  RETURN collect({node: beat, id: beat.contentId, did: did, count: count}) AS ownBeats
}
CALL (me, own) {
  CALL (me, own) {
    UNWIND own AS one
    WITH one.item AS item, one.did AS did
    MATCH (item)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
    RETURN genre, did, count(DISTINCT item) AS count
    UNION ALL
    MATCH (me)-[:LISTENS_TO]->(genre:Genre)
    RETURN genre, 'listens to' AS did, 0 AS count
    UNION ALL
    MATCH (me)-[:CREATES_IN]->(genre:Genre)
    RETURN genre, 'creates in' AS did, 0 AS count
  }
  RETURN collect({node: genre, id: coalesce(genre.name, genre.genreId), did: did, count: count}) AS ownGenres
}
CALL (own) {
  UNWIND own AS one
  WITH one.item AS item, one.did AS did
  MATCH (item)-[:TAGGED]->(hashtag:Hashtag)
  WITH hashtag, did, count(DISTINCT item) AS count
  RETURN collect({node: hashtag, id: hashtag.name, did: did, count: count}) AS ownHashtags
}
UNWIND contents AS content
WITH me, blocked, manyFriends, manyOwn, pairs, ownBeats, ownGenres, ownHashtags, content,
     [one IN activity WHERE content = one.content] AS activity,
     COLLECT { MATCH (content)-[:USES]->{0,1}(beat:Beat) RETURN DISTINCT beat } AS beats,
     COLLECT { MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre) RETURN DISTINCT genre } AS genres,
     COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag } AS hashtags,
     reduce(most = 0, one IN audiences | CASE WHEN content = one.content THEN one.recent ELSE most END) AS recent,
     COLLECT {
       MATCH (content)<-[:MADE]-(maker:User)
       WHERE EXISTS { (me)-[:FOLLOWS]->(maker) }
         AND maker <> me
         AND NOT maker IN blocked
       RETURN maker
       ORDER BY maker.userId
     } AS makers
RETURN content.contentId AS contentId,
       content.createdAt AS createdAt,
       COUNT { (content)<-[:WATCHED]-() } AS watchers,
       COUNT { UNWIND blocked AS person MATCH (person)-[:WATCHED]->(content) } AS hiddenWatchers,
       {count: recent, atLeast: COUNT { (content)<-[:WATCHED]-() } > 300} AS recent,
       [verb IN ['liked', 'shared', 'commented', 'watched'] | {
         did: verb,
         count: size([one IN activity WHERE one[verb]]),
         atLeast: manyFriends,
         people: [one IN activity WHERE one[verb] AND one.id IS NOT NULL | one.id][..3],
         at: reduce(
           newest = null,
           one IN activity |
             CASE WHEN one[verb] AND one.at IS NOT NULL AND coalesce(one.at > newest, true) THEN one.at ELSE newest END
         )
       }] AS followed,
       {
         count: size(makers),
         people: [maker IN makers WHERE NOT coalesce(maker.isPrivate, false) | maker.userId][..3]
       } AS makers,
       [pair IN pairs WHERE pair.content = content | pair {.id, .count, .atLeast}][..1] AS together,
       [one IN ownBeats WHERE one.node IN beats | one {.id, .did, .count, atLeast: manyOwn}] AS beats,
       [one IN ownGenres WHERE one.node IN genres | one {.id, .did, .count, atLeast: manyOwn}] AS genres,
       [one IN ownHashtags WHERE one.node IN hashtags | one {.id, .did, .count, atLeast: manyOwn}] AS hashtags
