// The moods of contents, for a block of sources.
// Parameters: ids (of the sources).
// Columns: one row of lists of the same length: sources (places in ids), targets (ids).
UNWIND range(0, size($ids) - 1) AS place
MATCH (:Content {contentId: $ids[place]})-[:HAS_MOOD]->(mood:Mood)
RETURN collect(place) AS sources, collect(mood.moodId) AS targets
