// For each node, some of the nodes that point to it by relationships of one type, drawn at random.
// Parameters: numbers (Neo4j's own of the nodes), type (of relationship), cap (most drawn for each node), scanned
//   (relationships of a node that the draw looks at).
// Columns: places (in numbers, of the node of each pair), others (Neo4j's own numbers of the nodes drawn).
UNWIND range(0, size($numbers) - 1) AS place
MATCH (node)
WHERE id(node) = $numbers[place]
CALL (node) {
  MATCH (node)<-[:$($type)]-(other)
  WITH other
  LIMIT $scanned
  RETURN other
  ORDER BY rand()
  LIMIT $cap
}
RETURN collect(place) AS places, collect(id(other)) AS others
