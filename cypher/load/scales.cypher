// Remember the scales in which an import gave how far contents were watched.
// Parameters: rows of {column, scale}.
// Columns: none.
UNWIND $rows AS row
MERGE (known:Scale {column: row.column})
SET known.scale = row.scale
