// Why a content is recommended to a person. A feed asks the same question: each of its reasons is one of these facts.
// Parameters: userId (may be unknown), contentIds, now (ms since 1970).
// Columns: contentId; createdAt (ms); watchers (count); hiddenWatchers (how many of them are blocked on either side);
//   recent ({count, atLeast}: who watched it within 7 days before now); followed (a list of {did: liked, shared, commented
//   or watched; count; atLeast; people: ids of up to three; at: newest time known, ms}: what people did whom the person
//   follows); makers ({count, people}: those whom the person follows); together ([{id, count, atLeast}]: of the contents
//   that the person watched last, the one that most people watched who watched this content too); beats, genres, hashtags
//   ([{id, did, count, atLeast}]: what it shares with contents that the person watched or made; for genres did may also be
//   listens to or creates in, with count 0).
// Who only liked, commented or shared did not watch. Blocked people are in no count, and what they made is not named as an
// id, nor what was taken down; private ones (isPrivate) are in counts but not in people. A count is exact unless atLeast. Looked at are: of whom the
// person follows the 200 followed last; of what they themselves watched and made 300 each, the newest; for recent and
// together the contents with the fewest watchers, as long as these are 5,000 in all, and 1,500 for the ten contents that
// the person watched last. What friends did who watched more than 500 contents is known of those contents alone.
OPTIONAL MATCH (me:User {userId: $userId})
WITH me, COLLECT { MATCH (me)-[:BLOCKED]-(person:User) RETURN DISTINCT person } AS blocked
WITH me,
     blocked,
     COLLECT { UNWIND blocked AS person MATCH (person)-[:MADE]->(content:Content) RETURN DISTINCT content } AS theirs,
     COLLECT {
       MATCH (me)-[follows:FOLLOWS]->(friend:User)
       WITH friend, follows.since AS since
       ORDER BY since IS NULL, since DESC, friend.userId
       LIMIT 200
       WHERE friend <> me
         AND NOT friend IN blocked
       RETURN friend
       ORDER BY friend.userId
     } AS friends,
     COUNT { (me)-[:FOLLOWS]->() } > 200 AS manyFriends,
     COUNT { (me)-[:WATCHED]->() } > 300
       OR COUNT { (me)-[:MADE]->() } > 300 AS manyOwn
WITH *, [friend IN friends WHERE COUNT { (friend)-[:WATCHED]->() } > 500] AS busyFriends
CALL (me) {
  CALL (me) {
    MATCH (me)-[watched:WATCHED]->(item)
    WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
    WITH watched.lastAt AS at, collect(item) AS items
    ORDER BY at IS NULL, at DESC
    LIMIT 300
    UNWIND items AS item
    WITH item, at
    ORDER BY at IS NULL, at DESC, item.contentId
    LIMIT 300
    RETURN item, 'watched' AS did, at
    UNION ALL
    MATCH (me)-[:MADE]->(item)
    WITH item
    ORDER BY item.createdAt IS NULL, item.createdAt DESC, item.contentId
    LIMIT 300
    RETURN item, 'made' AS did, null AS at
  }
  WITH item, did, at
  ORDER BY at IS NULL, at DESC, item.contentId
  RETURN collect({item: item, did: did}) AS own
}
CALL (theirs, own) {
  UNWIND own AS one
  WITH one.item AS item, one.did AS did, theirs
  MATCH (item)-[:USES]->{0,1}(beat:Beat)
  WHERE NOT beat IN theirs
    AND NOT coalesce(beat.takenDown, false)
  WITH beat, did, count(DISTINCT item) AS count
  ORDER BY did, beat.contentId
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
  WITH genre, did, count
  ORDER BY did, genre.genreId
  RETURN collect({node: genre, id: coalesce(genre.name, genre.genreId), did: did, count: count}) AS ownGenres
}
CALL (own) {
  UNWIND own AS one
  WITH one.item AS item, one.did AS did
  MATCH (item)-[:TAGGED]->(hashtag:Hashtag)
  WITH hashtag, did, count(DISTINCT item) AS count
  ORDER BY did, hashtag.name
  RETURN collect({node: hashtag, id: hashtag.name, did: did, count: count}) AS ownHashtags
}
CALL (theirs, own) {
  UNWIND [
    one IN own
    WHERE 'watched' = one.did AND NOT one.item IN theirs AND NOT coalesce(one.item.takenDown, false) |
      one.item
  ][..10] AS item
  WITH item, COUNT { (item)<-[:WATCHED]-() } AS watched
  ORDER BY watched, item.contentId
  WITH collect(item) AS items, collect(watched) AS sizes
  UNWIND range(0, size(items) - 1) AS place
  WITH items[place] AS item, reduce(rows = 0, size IN sizes[..place + 1] | rows + size) AS rows
  WHERE rows <= 1500
  WITH item
  ORDER BY item.contentId
  RETURN collect(item) AS lately
}
CALL () {
  MATCH (content:Content)
  WHERE content.contentId IN $contentIds
  WITH content, COUNT { (content)<-[:WATCHED]-() } AS degree
  ORDER BY degree, content.contentId
  RETURN collect(content) AS contents, collect(degree) AS degrees
}
WITH *,
     [
       place IN range(0, size(contents) - 1)
       WHERE reduce(rows = 0, degree IN degrees[..place + 1] | rows + degree) <= 5000 |
         contents[place]
     ] AS counted
CALL (counted, blocked, busyFriends) {
  UNWIND counted AS content
  MATCH (content)<-[watched:WATCHED]-(person)
  WITH content, watched, person, watched.lastAt AS at
  WITH content,
       collect(CASE WHEN at IS NOT NULL OR coalesce(watched.watchCount, 1) > 0 THEN person END) AS people,
       count(CASE WHEN $now - 7 * 86400000 < at <= $now AND NOT person IN blocked THEN 1 END) AS recent,
       collect(CASE WHEN size(busyFriends) > 0 AND person IN busyFriends THEN watched END) AS byBusyFriends
  RETURN collect({content: content, people: people, recent: recent, byBusyFriends: byBusyFriends}) AS audiences
}
CALL (friends, busyFriends, contents, audiences) {
  UNWIND friends AS friend // in the order of their ids
  CALL (friend, busyFriends, contents, audiences) {
    WITH friend, contents, busyFriends
    WHERE NOT friend IN busyFriends
    MATCH (friend)-[watched:WATCHED]->(content)
    WITH watched, content, contents
    WHERE content IN contents
    RETURN watched, content
    UNION ALL
    WITH friend, audiences, busyFriends
    WHERE friend IN busyFriends
    UNWIND audiences AS audience
    UNWIND audience.byBusyFriends AS watched
    WITH friend, audience, watched
    WHERE startNode(watched) = friend
    RETURN watched, audience.content AS content
  }
  RETURN collect({
    content: content,
    id: CASE WHEN coalesce(friend.isPrivate, false) THEN null ELSE friend.userId END,
    liked: coalesce(watched.liked, false),
    shared: coalesce(watched.shared, false),
    commented: coalesce(watched.commented, false),
    watched: watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0,
    at: watched.lastAt
  }) AS activity
}
// No sort from here on: it would hold the audiences once for each row.
CALL (me, blocked, lately, audiences) {
  CALL (lately, audiences) {
    UNWIND range(0, size(lately) - 1) AS place
    WITH place, lately[place] AS item
    MATCH (item)<-[watched:WATCHED]-(person)
    WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
    RETURN person, place, null AS content
    UNION ALL
    UNWIND audiences AS audience
    UNWIND audience.people AS person
    RETURN person, null AS place, audience.content AS content
  }
  WITH me, blocked, lately, person, collect(place) AS places, collect(content) AS both
  WHERE size(places) > 0
    AND size(both) > 0
    AND NOT person IN blocked
    AND person <> me
  UNWIND places AS place
  UNWIND both AS content
  WITH lately, place, content, count(*) AS count
  WHERE lately[place] <> content
  // The most people, and of equal ones the first item: lately has ten at most
  WITH lately, content, max(10 * count + 9 - place) AS best
  RETURN collect({content: content, id: lately[9 - best % 10].contentId, count: best / 10, atLeast: false}) AS pairs
}
UNWIND contents AS content
WITH me, blocked, manyFriends, busyFriends, manyOwn, counted, pairs, ownBeats, ownGenres, ownHashtags, content,
     [one IN activity WHERE content = one.content] AS activity,
     COLLECT { MATCH (content)-[:USES]->{0,1}(beat:Beat) RETURN DISTINCT beat } AS beats,
     COLLECT { MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre) RETURN DISTINCT genre } AS genres,
     COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag } AS hashtags,
     head([one IN audiences WHERE content = one.content | one {.recent, watchers: size(one.people)}]) AS audience,
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
       coalesce(audience.watchers, content.audience, 0) AS watchers,
       COUNT {
         UNWIND blocked AS person
         MATCH (person)-[watched:WATCHED]->(content)
         WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
       } AS hiddenWatchers,
       {count: coalesce(audience.recent, 0), atLeast: NOT content IN counted} AS recent,
       [verb IN ['liked', 'shared', 'commented', 'watched'] | {
         did: verb,
         count: size([one IN activity WHERE one[verb]]),
         atLeast: manyFriends OR (size(busyFriends) > 0 AND NOT content IN counted),
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
       [pair IN pairs WHERE pair.content = content | pair {.id, .count, .atLeast}] AS together,
       [one IN ownBeats WHERE one.node IN beats | one {.id, .did, .count, atLeast: manyOwn}] AS beats,
       [one IN ownGenres WHERE one.node IN genres | one {.id, .did, .count, atLeast: manyOwn}] AS genres,
       [one IN ownHashtags WHERE one.node IN hashtags | one {.id, .did, .count, atLeast: manyOwn}] AS hashtags
