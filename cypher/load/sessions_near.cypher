// Sessions that the graph holds of some users with other plays than the files, from the time that the files tell of.
// A session without an end goes to the user's next one.
// Parameters: rows of [user, digests, first, last]; the digests are those of the user's sessions in the files, the times
// are ms since 1970, last null where the newest of these sessions is still open.
// Columns: user, session, began, ended (null without an end), content, at, share: one row a play.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})-[:OPENED]->(session:Session)
WHERE NOT coalesce(session.digest, '') IN row[1]
  AND coalesce(session.endedAt, row[2]) >= row[2]
  AND session.startedAt <= coalesce(row[3], session.startedAt)
  AND (session.endedAt IS NOT NULL OR NOT EXISTS {
    MATCH (user)-[:OPENED]->(next:Session)
    WHERE session.startedAt < next.startedAt < row[2]
  })
MATCH (session)-[played:PLAYED]->(content:Content)
RETURN user.userId AS user,
       session.sessionId AS session,
       session.startedAt AS began,
       session.endedAt AS ended,
       content.contentId AS content,
       played.at AS at,
       played.share AS share
