// Sessions of the player by the arm that chose their tracks: how long people listened. Walks all sessions.
// Parameters: none.
// Columns: arm (experiment and treatment), sessions, users (counts), tracks (mean a session), shares (mean sum of the shares heard in a session).
MATCH (user:User)-[:OPENED]->(session:Session)
CALL (session) {
    MATCH (session)-[played:PLAYED]->(:Content)
    RETURN count(played) AS tracks, sum(played.share) AS shares
}
RETURN session.arm AS arm,
       count(session) AS sessions,
       count(DISTINCT user) AS users,
       avg(tracks) AS tracks,
       avg(shares) AS shares
ORDER BY sessions DESC, arm
LIMIT 25
