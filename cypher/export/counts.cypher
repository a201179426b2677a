// How many relationships of each type there are, from Neo4j's own count store.
// Parameters: none.
// Columns: counts (type → number).
RETURN {
  FOLLOWS: COUNT { ()-[:FOLLOWS]->() },
  WATCHED: COUNT { ()-[:WATCHED]->() },
  MADE: COUNT { ()-[:MADE]->() },
  USES: COUNT { ()-[:USES]->() },
  HAS_GENRE: COUNT { ()-[:HAS_GENRE]->() },
  HAS_MOOD: COUNT { ()-[:HAS_MOOD]->() },
  TAGGED: COUNT { ()-[:TAGGED]->() },
  LISTENS_TO: COUNT { ()-[:LISTENS_TO]->() },
  CREATES_IN: COUNT { ()-[:CREATES_IN]->() },
  BLOCKED: COUNT { ()-[:BLOCKED]->() },
  HID: COUNT { ()-[:HID]->() },
  PERFORMED_BY: COUNT { ()-[:PERFORMED_BY]->() },
  OPENED: COUNT { ()-[:OPENED]->() },
  PLAYED: COUNT { ()-[:PLAYED]->() },
  HOLDS: COUNT { ()-[:HOLDS]->() },
  WATCH_RATIO: COUNT { ()-[:WATCH_RATIO]->() },
  HELD_OUT: COUNT { ()-[:HELD_OUT]->() }
} AS counts
