"""A snapshot as a networkx graph, and in the files that networkx writes: node-link JSON and GraphML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graph import schema
from graph.errors import SnapshotError
from graph.snapshot import NO_TIME, Snapshot

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["to_networkx", "write_graphml", "write_node_link"]

_MOST: Final = 5_000_000
_NOT_XML: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def to_networkx(snapshot: Snapshot) -> nx.MultiDiGraph[str]:
    """A directed multigraph: nodes are ``Label:id`` with their known properties, and the edge of a row is ``TYPE:row``.

    For graphs that fit in memory many times over: networkx takes about 1 kB an edge. Raises SnapshotError above five
    million relationships.
    """
    import networkx as nx

    total = sum(edges.count for edges in snapshot.edges.values())
    if total > _MOST:
        raise SnapshotError(f"{total:,} relationships are too many for networkx.", do="Take a part: --sample 10000.")
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(mode=snapshot.mode)
    names: dict[str, list[str]] = {}
    for label, nodes in snapshot.nodes.items():
        names[label] = [f"{label}:{id_}" for id_ in nodes.ids]
        for name, row in zip(names[label], nodes.frame.iter_rows(named=True), strict=True):
            graph.add_node(name, label=label, **{key: value for key, value in row.items() if value is not None})
    for type_, edges in snapshot.edges.items():
        relationship = schema.RELATIONSHIPS[type_]
        sources, targets = names[relationship.source], names[relationship.target]
        columns = {name: edges.columns[name].tolist() for name in edges.columns}
        for edge, (source, target) in enumerate(zip(edges.source.tolist(), edges.target.tolist(), strict=True)):
            known = {key: values[edge] for key, values in columns.items() if _is_known(values[edge])}
            graph.add_edge(sources[source], targets[target], key=f"{type_}:{edge}", type=type_, **known)
    return graph


def write_node_link(snapshot: Snapshot, path: Path) -> None:
    """Write JSON that ``networkx.node_link_graph(data, edges="edges")`` reads."""
    import networkx as nx

    path.write_text(json.dumps(nx.node_link_data(to_networkx(snapshot), edges="edges"), ensure_ascii=False), "utf-8")


def write_graphml(snapshot: Snapshot, path: Path) -> None:
    """Write GraphML (for Gephi, yEd, Cytoscape).

    It knows no list, which becomes JSON text, and no control character, which becomes U+FFFD.
    """
    import networkx as nx

    graph = to_networkx(snapshot)
    for known in (*(own for _, own in graph.nodes(data=True)), *(own for _, _, own in graph.edges(data=True))):
        known.update({key: json.dumps(value) for key, value in known.items() if isinstance(value, list)})
        known.update({key: _NOT_XML.sub("\ufffd", value) for key, value in known.items() if isinstance(value, str)})
    unnamed = {name: _NOT_XML.sub("\ufffd", name) for name in graph if _NOT_XML.search(name)}
    nx.write_graphml(nx.relabel_nodes(graph, unnamed) if unnamed else graph, path)


def _is_known(value: Any) -> bool:
    return value is not None and value != NO_TIME and value == value  # NaN is not itself
