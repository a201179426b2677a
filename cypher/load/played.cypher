// Create plays: one relationship for each place of a session, so that loading the same again changes nothing.
// Parameters: rows of [session, [[content, place, share, at, arm, propensity], ...]]; arm and propensity may be null.
// Columns: none.
UNWIND $rows AS row
MATCH (session:Session {sessionId: row[0]})
UNWIND row[1] AS play
MATCH (content:Content {contentId: play[0]})
MERGE (session)-[played:PLAYED {place: play[1]}]->(content)
SET played.share = play[2],
    played.at = play[3],
    played.arm = play[4],
    played.propensity = play[5]
