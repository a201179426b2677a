// Make people known, or correct what is known of them.
// Parameters: rows of {place, id, properties (null for a value that goes; what is left out stays), listensTo, createsIn
//   (lists of genres' ids, null for those that stay as they are)}.
// Columns: told, the places of the rows.
UNWIND $rows AS row
MERGE (user:User {userId: row.id})
SET user += row.properties
WITH row, user
CALL (row, user) {
  MATCH (user)-[listens:LISTENS_TO]->(genre:Genre)
  WHERE row.listensTo IS NOT NULL
    AND NOT genre.genreId IN row.listensTo
  DELETE listens
}
CALL (row, user) {
  UNWIND row.listensTo AS id
  MATCH (genre:Genre {genreId: id})
  MERGE (user)-[:LISTENS_TO]->(genre)
}
CALL (row, user) {
  MATCH (user)-[creates:CREATES_IN]->(genre:Genre)
  WHERE row.createsIn IS NOT NULL
    AND NOT genre.genreId IN row.createsIn
  DELETE creates
}
CALL (row, user) {
  UNWIND row.createsIn AS id
  MATCH (genre:Genre {genreId: id})
  MERGE (user)-[:CREATES_IN]->(genre)
}
RETURN collect(row.place) AS told
