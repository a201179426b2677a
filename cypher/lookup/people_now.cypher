// What the graph holds by now of people of whom something was said.
// Parameters: ids.
// Columns: people, a list of {id, name, private; listensTo, createsIn (lists of [id, name] of genres)}, without those that are
//   not there.
UNWIND $ids AS userId
MATCH (user:User {userId: userId})
RETURN collect({
  id: userId,
  name: user.name,
  private: coalesce(user.isPrivate, false),
  listensTo: COLLECT { MATCH (user)-[:LISTENS_TO]->(genre:Genre) RETURN [genre.genreId, genre.name] },
  createsIn: COLLECT { MATCH (user)-[:CREATES_IN]->(genre:Genre) RETURN [genre.genreId, genre.name] }
}) AS people
