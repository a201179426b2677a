// What was played in sessions, for a block of sources.
// Parameters: numbers (Neo4j's own of the sources).
// Columns: one row of lists of the same length: sources, targets (numbers), place, share, at, arm, propensity.
UNWIND $numbers AS number
MATCH (session:Session)-[relationship:PLAYED]->(content)
WHERE id(session) = number
WITH collect(number) AS sources, collect(id(content)) AS targets, collect(properties(relationship)) AS plays
RETURN sources,
       targets,
       [play IN plays | play.place] AS place,
       [play IN plays | play.share] AS share,
       [play IN plays | play.at] AS at,
       [play IN plays | play.arm] AS arm,
       [play IN plays | play.propensity] AS propensity
