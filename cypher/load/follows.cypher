// Create follows; of one that is there already, keep the later time. What was undone, or is blocked, stays undone unless
// the row is later (graph/load/watch.py, docs/cypher.md).
// Parameters: rows of [follower, [[followed, since or null], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (follower:User {userId: row[0]})
UNWIND row[1] AS follow
MATCH (followed:User {userId: follow[0]})
OPTIONAL MATCH (follower)-[undid:UNDID]->(followed)
SET undid.followedAt = CASE
      WHEN undid.followedAt >= follow[1] THEN undid.followedAt
      ELSE coalesce(follow[1], undid.followedAt)
    END
WITH follower, followed, follow, undid
WHERE undid IS NULL
   OR coalesce(follow[1], 0) > coalesce(undid.unfollowedAt, -1)
  AND coalesce(follow[1], 0) > coalesce(undid.partedAt, -1)
MERGE (follower)-[follows:FOLLOWS]->(followed)
SET follows.since = CASE
      WHEN follows.since >= follow[1] THEN follows.since
      ELSE coalesce(follow[1], follows.since)
    END
