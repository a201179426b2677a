// How many nodes of each label and relationships of each type there are; the database keeps these counts itself.
// Parameters: none.
// Columns: name, count.
MATCH (node:User)
RETURN 'User' AS name, count(node) AS count
UNION ALL
MATCH (node:Keak)
RETURN 'Keak' AS name, count(node) AS count
UNION ALL
MATCH (node:Beat)
RETURN 'Beat' AS name, count(node) AS count
UNION ALL
MATCH (node:Track)
RETURN 'Track' AS name, count(node) AS count
UNION ALL
MATCH (node:Genre)
RETURN 'Genre' AS name, count(node) AS count
UNION ALL
MATCH (node:Mood)
RETURN 'Mood' AS name, count(node) AS count
UNION ALL
MATCH (node:Hashtag)
RETURN 'Hashtag' AS name, count(node) AS count
UNION ALL
MATCH (node:Artist)
RETURN 'Artist' AS name, count(node) AS count
UNION ALL
MATCH (node:Session)
RETURN 'Session' AS name, count(node) AS count
UNION ALL
MATCH (node:Playlist)
RETURN 'Playlist' AS name, count(node) AS count
UNION ALL
MATCH ()-[edge:FOLLOWS]->()
RETURN 'FOLLOWS' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:WATCHED]->()
RETURN 'WATCHED' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:MADE]->()
RETURN 'MADE' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:USES]->()
RETURN 'USES' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:HAS_GENRE]->()
RETURN 'HAS_GENRE' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:HAS_MOOD]->()
RETURN 'HAS_MOOD' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:TAGGED]->()
RETURN 'TAGGED' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:LISTENS_TO]->()
RETURN 'LISTENS_TO' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:CREATES_IN]->()
RETURN 'CREATES_IN' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:BLOCKED]->()
RETURN 'BLOCKED' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:HID]->()
RETURN 'HID' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:PERFORMED_BY]->()
RETURN 'PERFORMED_BY' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:OPENED]->()
RETURN 'OPENED' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:PLAYED]->()
RETURN 'PLAYED' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:HOLDS]->()
RETURN 'HOLDS' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:WATCH_RATIO]->()
RETURN 'WATCH_RATIO' AS name, count(edge) AS count
UNION ALL
MATCH ()-[edge:HELD_OUT]->()
RETURN 'HELD_OUT' AS name, count(edge) AS count
