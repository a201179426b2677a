// Create follows; of one that is there already, keep the earlier time.
// Parameters: rows of [follower, [[followed, since or null], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (follower:User {userId: row[0]})
UNWIND row[1] AS follow
MATCH (followed:User {userId: follow[0]})
MERGE (follower)-[follows:FOLLOWS]->(followed)
SET follows.since = CASE
      WHEN follows.since <= follow[1] THEN follows.since
      ELSE coalesce(follow[1], follows.since)
    END
