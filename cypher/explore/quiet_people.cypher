// People who follow others and never watched anything: whom a first feed would help.
// Parameters: none.
// Columns: userId, name, joined (date), follows (count). Shows 25, those who joined last first.
MATCH (user:User)
WHERE EXISTS { (user)-[:FOLLOWS]->() }
  AND NOT EXISTS {
    MATCH (user)-[watched:WATCHED]->()
    WHERE watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0
  }
WITH user
ORDER BY user.createdAt IS NULL, user.createdAt DESC, user.userId
LIMIT 25
RETURN user.userId AS userId,
       user.name AS name,
       CASE WHEN user.createdAt IS NOT NULL THEN date(datetime({epochMillis: user.createdAt})) END AS joined,
       COUNT { (user)-[:FOLLOWS]->() } AS follows
