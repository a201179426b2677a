// Say which genres a person listens to.
// Parameters: rows of [user, [[genre], ...]].
// Columns: none.
UNWIND $rows AS row
MATCH (user:User {userId: row[0]})
UNWIND row[1] AS end
MATCH (genre:Genre {genreId: end[0]})
MERGE (user)-[:LISTENS_TO]->(genre)
