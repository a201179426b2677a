// How much people watch by how active KuaiRec calls them: the watch ratio of each user_active_degree, how many they follow, how long they are there.
// Walks all people: takes some seconds on a large graph.
// Parameters: none.
// Columns: degree, people, rows (counts), ratio (mean), median, complete (share of rows with a ratio of 1 or more), followed, registered
//   (follow_user_num and register_days, means over people). Looks at the 2,000 people of each degree with the smallest ids,
//   and at 50 rows of each.
MATCH (one:User)
WHERE one.user_active_degree IS NOT NULL
WITH DISTINCT one.user_active_degree AS degree
CALL (degree) {
  MATCH (user:User {user_active_degree: degree})
  WITH user
  ORDER BY user.userId
  LIMIT 2000
  CALL (user) {
    MATCH (user)-[said:WATCH_RATIO]->(:Content)
    WITH said
    LIMIT 50
    RETURN collect(said.ratio) AS ratios
  }
  RETURN user, ratios
}
WITH degree,
     count(*) AS people,
     avg(user.follow_user_num) AS followed,
     avg(user.register_days) AS registered,
     collect(ratios) AS lists
CALL (lists) {
  UNWIND lists AS ratios
  UNWIND ratios AS ratio
  RETURN count(*) AS rows,
         avg(ratio) AS ratio,
         percentileCont(ratio, 0.5) AS median,
         avg(CASE WHEN ratio >= 1 THEN 1.0 ELSE 0.0 END) AS complete
}
RETURN degree, people, rows, ratio, median, complete, followed, registered
ORDER BY ratio IS NULL, ratio DESC, degree
