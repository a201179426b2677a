// What contents may have in common with others, for spreading a feed over it.
// Parameters: contentIds; counted (whether watchers are wanted); most (made by one person; whoever made more is not counted).
// Columns: contentId, beats (ids), genres (ids, those of its beats too), hashtags, makers (ids; not of those marked private),
//   watchers (of each maker who is counted: those of all that they made, added up), uncounted (makers who are not).
UNWIND $contentIds AS contentId
MATCH (content:Content {contentId: contentId})
RETURN contentId,
       COLLECT { MATCH (content)-[:USES]->(beat:Content) RETURN beat.contentId } AS beats,
       COLLECT {
         MATCH (content)-[:USES]->{0,1}(:Content)-[:HAS_GENRE]->(genre:Genre)
         RETURN DISTINCT genre.genreId
       } AS genres,
       COLLECT { MATCH (content)-[:TAGGED]->(hashtag:Hashtag) RETURN hashtag.name } AS hashtags,
       COLLECT {
         MATCH (content)<-[:MADE]-(maker:User)
         WHERE NOT coalesce(maker.isPrivate, false)
         RETURN maker.userId
       } AS makers,
       COLLECT {
         MATCH (content)<-[:MADE]-(maker:User)
         WHERE $counted
           AND COUNT { (maker)-[:MADE]->() } <= $most
         CALL (maker) {
           MATCH (maker)-[:MADE]->(made:Content)
           RETURN sum(coalesce(made.audience, 0)) AS audience
         }
         RETURN audience
       } AS watchers,
       COUNT {
         MATCH (content)<-[:MADE]-(maker:User)
         WHERE COUNT { (maker)-[:MADE]->() } > $most
       } AS uncounted
