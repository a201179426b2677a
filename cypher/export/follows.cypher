// Who follows whom, for a block of sources.
// Parameters: ids (of the sources).
// Columns: one row of lists of the same length: sources (places in ids), targets (ids), since.
UNWIND range(0, size($ids) - 1) AS place
MATCH (:User {userId: $ids[place]})-[relationship:FOLLOWS]->(followed:User)
WITH collect(place) AS sources, collect(followed.userId) AS targets, collect(relationship) AS relationships
RETURN sources,
       targets,
       [relationship IN relationships | relationship.since] AS since
