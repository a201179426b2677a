// Who watched what, for a block of sources.
// Parameters: ids (of the sources).
// Columns: one row of lists of the same length: sources (places in ids), targets (ids), progress, liked, commented, shared, watchCount, firstAt, lastAt.
UNWIND range(0, size($ids) - 1) AS place
MATCH (:User {userId: $ids[place]})-[relationship:WATCHED]->(content:Content)
WITH collect(place) AS sources, collect(content.contentId) AS targets, collect(relationship) AS relationships
RETURN sources,
       targets,
       [relationship IN relationships | relationship.progress] AS progress,
       [relationship IN relationships | relationship.liked] AS liked,
       [relationship IN relationships | relationship.commented] AS commented,
       [relationship IN relationships | relationship.shared] AS shared,
       [relationship IN relationships | relationship.watchCount] AS watchCount,
       [relationship IN relationships | relationship.firstAt] AS firstAt,
       [relationship IN relationships | relationship.lastAt] AS lastAt
