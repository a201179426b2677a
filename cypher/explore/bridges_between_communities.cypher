// Who connects communities: people whose follows lead into communities other than their own.
// Communities are the property `community` of people, which notebooks/2-networkx.ipynb works out and writes.
// Parameters: none.
// Columns: userId, name, community, communities (how many others), outside, follows (counts). Looks at the 20,000 people
//   with the smallest community numbers and at 200 follows of each, shows 25.
MATCH (user:User)
WHERE user.community IS NOT NULL
WITH user
ORDER BY user.community, user.userId
LIMIT 20000
CALL (user) {
  MATCH (user)-[:FOLLOWS]->(friend:User)
  WITH user, friend
  LIMIT 200
  RETURN count(*) AS follows,
         sum(CASE WHEN friend.community <> user.community THEN 1 ELSE 0 END) AS outside,
         count(DISTINCT CASE WHEN friend.community <> user.community THEN friend.community END) AS communities
}
WITH user, communities, outside, follows
WHERE outside > 0
RETURN user.userId AS userId, user.name AS name, user.community AS community, communities, outside, follows
ORDER BY communities DESC, outside DESC, userId
LIMIT 25
