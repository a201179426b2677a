// What somebody played last: each track with the share that was heard, and the arm that chose it.
// Parameters: userId.
// Columns: session, place (from 0), track, by (artists), share (0..1), arm (null for the first of a session), propensity (with which the arm chose it). Shows 25.
MATCH (:User {userId: $userId})-[:OPENED]->(opened:Session)
WITH opened
ORDER BY opened.startedAt DESC
LIMIT 25
MATCH (opened)-[played:PLAYED]->(content:Content)
RETURN opened.sessionId AS session,
       played.place AS place,
       coalesce(content.title, content.contentId) AS track,
       COLLECT { MATCH (content)-[:PERFORMED_BY]->(artist:Artist) RETURN coalesce(artist.name, artist.artistId) } AS by,
       played.share AS share,
       played.arm AS arm,
       played.propensity AS propensity
ORDER BY opened.startedAt DESC, place
LIMIT 25
