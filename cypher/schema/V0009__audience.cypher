// The audience of a content is the people who watched it: before, who only liked, commented or shared counted too.
MATCH (:User)-[watched:WATCHED]->(content:Content)
WHERE watched.lastAt IS NULL
  AND watched.watchCount = 0
WITH DISTINCT content
CALL (content) {
  OPTIONAL MATCH (content)<-[watched:WATCHED]-(:User)
  WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
  WITH content, count(watched) AS audience
  SET content.audience = audience
} IN TRANSACTIONS OF 500 ROWS;
