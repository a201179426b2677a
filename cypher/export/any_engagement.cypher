// Whether any watch says more than that it happened.
// Parameters: none.
// Columns: known.
RETURN EXISTS {
  MATCH (:User)-[watched:WATCHED]->(:Content)
  WHERE watched.progress IS NOT NULL
     OR watched.liked IS NOT NULL
     OR watched.commented IS NOT NULL
     OR watched.shared IS NOT NULL
} AS known
