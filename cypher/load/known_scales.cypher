// The scales in which earlier imports gave how far contents were watched.
// Parameters: none.
// Columns: column (progress or averageViewProgress), scale (percent, fraction or seconds).
MATCH (known:Scale)
RETURN known.column AS column, known.scale AS scale
