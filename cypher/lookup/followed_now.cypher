// Whom a person follows by now, for a graph in memory that others wrote past.
// Parameters: userId (may be unknown).
// Columns: followed, a list of [userId, since (ms, may be null), private].
MATCH (:User {userId: $userId})-[follows:FOLLOWS]->(other:User)
RETURN collect([other.userId, toIntegerOrNull(follows.since), coalesce(other.isPrivate, false)]) AS followed
