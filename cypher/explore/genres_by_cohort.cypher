// What people of each year of joining listen to: the five genres that most of them name.
// Parameters: none.
// Columns: joined (year), genre, people (count), share (of the people of that year who name any). Looks at 50,000 people.
MATCH (user:User)
WHERE user.createdAt IS NOT NULL
  AND EXISTS { (user)-[:LISTENS_TO]->() }
WITH user
LIMIT 50000
WITH datetime({epochMillis: user.createdAt}).year AS joined, collect(user) AS people
UNWIND people AS user
MATCH (user)-[:LISTENS_TO]->(genre:Genre)
WITH joined, size(people) AS named, coalesce(genre.name, genre.genreId) AS genre, count(*) AS listeners
ORDER BY joined DESC, listeners DESC, genre
WITH joined, named, collect({genre: genre, people: listeners})[..5] AS most
UNWIND most AS one
RETURN joined, one.genre AS genre, one.people AS people, 1.0 * one.people / named AS share
ORDER BY joined DESC, people DESC, genre
LIMIT 100
