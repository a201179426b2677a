// Who blocked whom, for a block of sources.
// Parameters: ids (of the sources).
// Columns: one row of lists of the same length: sources (places in ids), targets (ids), at.
UNWIND range(0, size($ids) - 1) AS place
MATCH (:User {userId: $ids[place]})-[relationship:BLOCKED]->(other:User)
WITH collect(place) AS sources, collect(other.userId) AS targets, collect(relationship) AS relationships
RETURN sources,
       targets,
       [relationship IN relationships | relationship.at] AS at
