// Who followed whom, since a time.
// Parameters: since (ms).
// Columns: source, target (ids), since.
MATCH (follower:User)-[relationship:FOLLOWS]->(followed:User)
WHERE relationship.since >= $since
RETURN follower.userId AS source,
       followed.userId AS target,
       relationship.since AS since
