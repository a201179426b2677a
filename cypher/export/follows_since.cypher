// Who followed whom, since a time.
// Parameters: since (ms).
// Columns: source, target (numbers), since.
MATCH (follower:User)-[relationship:FOLLOWS]->(followed:User)
WHERE relationship.since >= $since
RETURN id(follower) AS source,
       id(followed) AS target,
       relationship.since AS since
