// Times that cannot be right: watches before the content was made or before the person joined, and times to come.
// Parameters: now (ms since 1970).
// Columns: what, watches (count), of (watches looked at), example (user and content). Looks at 100,000 watches.
MATCH (user:User)-[watched:WATCHED]->(content:Content)
WITH user, watched, content
LIMIT 100000
WITH collect({user: user, watched: watched, content: content}) AS looked
UNWIND ['before the content was made', 'before the person joined', 'in the future'] AS what
WITH what,
     size(looked) AS of,
     [one IN looked WHERE CASE what
         WHEN 'before the content was made' THEN one.watched.firstAt < one.content.createdAt
         WHEN 'before the person joined' THEN one.watched.firstAt < one.user.createdAt
         ELSE one.watched.lastAt > $now
       END] AS wrong
RETURN what,
       size(wrong) AS watches,
       of,
       CASE WHEN size(wrong) > 0 THEN [wrong[0].user.userId, wrong[0].content.contentId] END AS example
