// Hashtags that differ by case are one: of those that are there, the most used spelling stays.
MATCH (hashtag:Hashtag)
WITH toLower(normalize(hashtag.name)) AS folded, hashtag, COUNT { (hashtag)<-[:TAGGED]-() } AS uses
ORDER BY uses DESC, hashtag.name
WITH folded, collect(hashtag) AS same
WHERE size(same) > 1
CALL (same) {
  WITH same[0] AS kept, same[1..] AS others
  UNWIND others AS other
  CALL (kept, other) {
    MATCH (content:Content)-[:TAGGED]->(other)
    MERGE (content)-[:TAGGED]->(kept)
  }
  DETACH DELETE other
} IN TRANSACTIONS OF 1000 ROWS;
