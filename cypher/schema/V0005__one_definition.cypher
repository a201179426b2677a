// Brings data of before the one definition of a watch (graph/load/watch.py) up to it, and renames properties of users
// and beats. On a graph that was made since, nothing changes.

// A like, a comment and a share have times of their own and are no watches. Rows without a time, or of the same
// millisecond, are one watch. Where one watch has two times, the later one is that of a like, comment or share.
MATCH (:User)-[watched:WATCHED]->(:Content)
WHERE (watched.liked AND watched.likedAt IS NULL)
   OR (watched.commented AND watched.commentedAt IS NULL)
   OR (watched.shared AND watched.sharedAt IS NULL)
   OR (watched.watchCount = 0 AND watched.lastAt IS NOT NULL)
   OR (watched.watchCount = 1 AND watched.lastAt <> watched.firstAt)
   OR (watched.watchCount > 1 AND (watched.lastAt IS NULL OR watched.lastAt = watched.firstAt))
CALL (watched) {
  WITH watched,
       watched.firstAt AS first,
       watched.lastAt AS last,
       watched.watchCount AS count
  SET watched.likedAt = CASE WHEN watched.liked THEN coalesce(watched.likedAt, last, 0) ELSE watched.likedAt END,
      watched.commentedAt = CASE
        WHEN watched.commented THEN coalesce(watched.commentedAt, last, 0)
        ELSE watched.commentedAt
      END,
      watched.sharedAt = CASE WHEN watched.shared THEN coalesce(watched.sharedAt, last, 0) ELSE watched.sharedAt END,
      watched.firstAt = CASE count WHEN 0 THEN null ELSE first END,
      watched.lastAt = CASE count WHEN 0 THEN null WHEN 1 THEN first ELSE last END,
      watched.watchCount = CASE WHEN count > 1 AND (last IS NULL OR last = first) THEN 1 ELSE count END
} IN TRANSACTIONS OF 10000 ROWS;

MATCH (user:User)
WHERE user.battleCount IS NOT NULL
   OR user.prizeMoneyWon IS NOT NULL
   OR user.prizeMoneyGiven IS NOT NULL
CALL (user) {
  SET user.battleCreatedCount = coalesce(user.battleCreatedCount, user.battleCount),
      user.prizeMoneyWinner = coalesce(user.prizeMoneyWinner, user.prizeMoneyWon > 0)
  REMOVE user.battleCount, user.prizeMoneyWon, user.prizeMoneyGiven
} IN TRANSACTIONS OF 10000 ROWS;

MATCH (beat:Beat)
WHERE beat.licenceType IS :: STRING NOT NULL
CALL (beat) {
  SET beat.licenceType = [beat.licenceType]
} IN TRANSACTIONS OF 10000 ROWS;

// As load/settle works them out: the rate is ln 2 over three days in milliseconds.
MATCH (content:Content)
CALL (content) {
  OPTIONAL MATCH (content)<-[watched:WATCHED]-(:User)
  WITH content,
       log(2) / 259200000 AS rate,
       count(CASE WHEN watched.lastAt IS NOT NULL OR coalesce(watched.watchCount, 1) > 0 THEN watched END) AS audience,
       max(watched.lastAt) AS newest,
       collect(watched.lastAt) AS times
  SET content.audience = audience,
      content.trend = newest * rate + log(reduce(weight = 0.0, at IN times | weight + exp((at - newest) * rate)))
} IN TRANSACTIONS OF 500 ROWS;
