// The contents with the most watchers, from an index on their number. Own, seen and hidden contents, those of blocked
// people and those taken down are left out before the limit counts.
// Parameters: userId (may be unknown); seen: ids of own and seen contents (filters/seen); label (Content,
//   Keak, Beat or Track); exclude: content ids to leave out too; wanted: a map of genres,
//   moods, hashtags (ids or names in small letters), makers (user ids) and since (ms), each null for any; limit.
// Columns: contentId, score (share of the leader's audience, 0..1), count (of people who watched it), evidence (empty).
OPTIONAL MATCH (me:User {userId: $userId})
CALL (me) {
  MATCH (me)-[:HID]->(content:Content)
  RETURN collect(content) AS hid
}
CALL (me) {
  MATCH (me)-[:BLOCKED]-(:User)-[:MADE]->(content:Content)
  RETURN collect(content) AS theirs
}
WITH hid + theirs AS avoided
CALL (avoided) {
  UNWIND CASE WHEN $label IN ['Content', 'Keak'] THEN [0] ELSE [] END AS asked
  CALL (asked, avoided) {
    MATCH (content:Keak)
    WHERE content.audience > 0
    WITH content, avoided
    ORDER BY content.audience DESC, content.contentId
    WHERE NOT content IN avoided
      AND NOT coalesce(content.takenDown, false)
      AND NOT content.contentId IN $exclude
      AND NOT content.contentId IN $seen
      AND ($wanted.genres IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
          WHERE toLower(genre.genreId) IN $wanted.genres
            OR toLower(genre.name) IN $wanted.genres
        })
      AND ($wanted.moods IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_MOOD]->(mood:Mood)
          WHERE toLower(mood.moodId) IN $wanted.moods
            OR toLower(mood.name) IN $wanted.moods
        })
      AND ($wanted.hashtags IS NULL
        OR EXISTS {
          MATCH (content)-[:TAGGED]->(hashtag:Hashtag)
          WHERE toLower(hashtag.name) IN $wanted.hashtags
        })
      AND ($wanted.makers IS NULL
        OR EXISTS {
          MATCH (content)<-[:MADE]-(maker:User)
          WHERE maker.userId IN $wanted.makers
            AND NOT coalesce(maker.isPrivate, false)
        })
      AND ($wanted.since IS NULL
        OR content.createdAt >= $wanted.since)
    RETURN content
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Beat'] THEN [0] ELSE [] END AS asked
  CALL (asked, avoided) {
    MATCH (content:Beat)
    WHERE content.audience > 0
    WITH content, avoided
    ORDER BY content.audience DESC, content.contentId
    WHERE NOT content IN avoided
      AND NOT coalesce(content.takenDown, false)
      AND NOT content.contentId IN $exclude
      AND NOT content.contentId IN $seen
      AND ($wanted.genres IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
          WHERE toLower(genre.genreId) IN $wanted.genres
            OR toLower(genre.name) IN $wanted.genres
        })
      AND ($wanted.moods IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_MOOD]->(mood:Mood)
          WHERE toLower(mood.moodId) IN $wanted.moods
            OR toLower(mood.name) IN $wanted.moods
        })
      AND ($wanted.hashtags IS NULL
        OR EXISTS {
          MATCH (content)-[:TAGGED]->(hashtag:Hashtag)
          WHERE toLower(hashtag.name) IN $wanted.hashtags
        })
      AND ($wanted.makers IS NULL
        OR EXISTS {
          MATCH (content)<-[:MADE]-(maker:User)
          WHERE maker.userId IN $wanted.makers
            AND NOT coalesce(maker.isPrivate, false)
        })
      AND ($wanted.since IS NULL
        OR content.createdAt >= $wanted.since)
    RETURN content
    LIMIT $limit
  }
  RETURN content
  UNION ALL
  UNWIND CASE WHEN $label IN ['Content', 'Track'] THEN [0] ELSE [] END AS asked
  CALL (asked, avoided) {
    MATCH (content:Track)
    WHERE content.audience > 0
    WITH content, avoided
    ORDER BY content.audience DESC, content.contentId
    WHERE NOT content IN avoided
      AND NOT coalesce(content.takenDown, false)
      AND NOT content.contentId IN $exclude
      AND NOT content.contentId IN $seen
      AND ($wanted.genres IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
          WHERE toLower(genre.genreId) IN $wanted.genres
            OR toLower(genre.name) IN $wanted.genres
        })
      AND ($wanted.moods IS NULL
        OR EXISTS {
          MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_MOOD]->(mood:Mood)
          WHERE toLower(mood.moodId) IN $wanted.moods
            OR toLower(mood.name) IN $wanted.moods
        })
      AND ($wanted.hashtags IS NULL
        OR EXISTS {
          MATCH (content)-[:TAGGED]->(hashtag:Hashtag)
          WHERE toLower(hashtag.name) IN $wanted.hashtags
        })
      AND ($wanted.makers IS NULL
        OR EXISTS {
          MATCH (content)<-[:MADE]-(maker:User)
          WHERE maker.userId IN $wanted.makers
            AND NOT coalesce(maker.isPrivate, false)
        })
      AND ($wanted.since IS NULL
        OR content.createdAt >= $wanted.since)
    RETURN content
    LIMIT $limit
  }
  RETURN content
}
WITH content
ORDER BY content.audience DESC, content.contentId
LIMIT $limit
WITH collect(content) AS contents, max(content.audience) AS leader
UNWIND contents AS content
RETURN content.contentId AS contentId,
       1.0 * content.audience / leader AS score,
       content.audience AS count,
       [] AS evidence
