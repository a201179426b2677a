"""A snapshot in other people's forms: PyG ``HeteroData`` and remote backend, networkx, GraphML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from graph import aside, schema
from graph.errors import SnapshotError
from graph.snapshot.arrays import NO_TIME, Array, Edges
from graph.snapshot.format import Snapshot

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import FeatureStore, GraphStore, HeteroData

__all__ = ["edge_type", "node_features", "to_backend", "to_graphml", "to_hetero", "to_networkx"]


def edge_type(type_: str) -> tuple[str, str, str]:
    """(source label, relationship type, target label), as PyG names a kind of edge."""
    relationship = schema.RELATIONSHIPS[type_]
    return relationship.source, type_, relationship.target


def node_features(snapshot: Snapshot, label: str) -> tuple[Array, list[str]]:
    """The numbers and flags of a label's nodes: float32 of shape (nodes, columns), 0 where unknown, and their names.

    Raw, as the graph holds them; what the network learns from is made of them in ``gnn``.
    """
    frame = snapshot.nodes[label].frame
    names = [name for name, dtype in frame.schema.items() if dtype.is_numeric() or dtype == pl.Boolean]
    columns = frame.select(pl.col(name).cast(pl.Float32).fill_null(0.0) for name in names)
    return (columns.to_numpy() if names else np.zeros((frame.height, 0), np.float32)), names


def to_hetero(snapshot: Snapshot) -> HeteroData:
    """PyG's ``HeteroData``: ``x`` and ``num_nodes`` by label; ``edge_index`` (2, E) by kind of edge, sorted by source.

    WATCHED carries ``edge_attr`` (E, 1), its engagement, and ``time`` (E,) in ms, FOLLOWS ``time``, where the graph
    has times. Row number = nid, so ``snapshot.users.ids[row]`` maps back.
    """
    import torch
    from torch_geometric.data import HeteroData

    data = HeteroData()
    for label, nodes in snapshot.nodes.items():
        data[label].x = torch.from_numpy(node_features(snapshot, label)[0])
        data[label].num_nodes = nodes.count
    for type_, edges in snapshot.edges.items():
        store = data[edge_type(type_)]
        store.edge_index = torch.from_numpy(_edge_index(edges))
        for name, values in _attributes(edges).items():
            store[name] = torch.from_numpy(values)
    return data


def to_backend(snapshot: Snapshot) -> tuple[FeatureStore, GraphStore]:
    """PyG's remote backend over the memory-mapped snapshot: ``NeighborLoader(to_backend(snapshot), …)``.

    Nothing is read before it is asked for. Edges are served in CSC (by target), as PyG's samplers want them, and in
    COO; features are ``x`` of every label.
    """
    from graph.snapshot.pyg_backend import SnapshotFeatures, SnapshotTopology

    return SnapshotFeatures(snapshot), SnapshotTopology(snapshot)


def to_networkx(snapshot: Snapshot) -> nx.MultiDiGraph[tuple[str, str]]:
    """A directed multigraph: nodes are ``(label, id)`` with their known properties, edges keyed by their type.

    For looking at graphs that fit in memory many times over: networkx takes about 1 kB an edge.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[tuple[str, str]] = nx.MultiDiGraph(mode=snapshot.mode)
    names: dict[str, list[tuple[str, str]]] = {}
    for label, nodes in snapshot.nodes.items():
        names[label] = [(label, id_) for id_ in nodes.ids]
        for name, row in zip(names[label], nodes.frame.iter_rows(named=True), strict=True):
            known = {key: value for key, value in row.items() if value is not None and key != nodes.key}
            graph.add_node(name, label=label, id=name[1], **known)
    for type_, edges in snapshot.edges.items():
        relationship = schema.RELATIONSHIPS[type_]
        sources, targets = names[relationship.source], names[relationship.target]
        columns = {name: edges.columns[name].tolist() for name in edges.columns}
        for edge, (source, target) in enumerate(zip(edges.source.tolist(), edges.target.tolist(), strict=True)):
            known = {key: values[edge] for key, values in columns.items() if _is_known(values[edge])}
            graph.add_edge(sources[source], targets[target], key=type_, type=type_, **known)
    return graph


def to_graphml(snapshot: Snapshot, path: Path) -> None:
    """Write GraphML (for Gephi, yEd, Cytoscape), aside first; nodes are named ``Label:id``.

    Raises SnapshotError when the graph is too large for it.
    """
    import networkx as nx

    total = sum(edges.count for edges in snapshot.edges.values())
    if total > 5_000_000:
        raise SnapshotError(f"{total:,} relationships are too many for GraphML.", do="Export a neighbourhood instead.")
    graph = nx.relabel_nodes(to_networkx(snapshot), lambda name: f"{name[0]}:{name[1]}")
    with aside.file(path) as fresh:
        nx.write_graphml(graph, fresh)


def _edge_index(edges: Edges) -> Array:
    return np.stack([edges.source, np.asarray(edges.target)]).astype(np.int64)


def _attributes(edges: Edges) -> dict[str, Array]:
    attributes: dict[str, Array] = {}
    if "engagement" in edges.columns:
        attributes["edge_attr"] = np.array(edges.columns["engagement"], dtype=np.float32).reshape(-1, 1)
    for name in ("lastAt", "since"):
        if name in edges.columns and np.any(np.asarray(edges.columns[name]) != NO_TIME):
            attributes["time"] = np.array(edges.columns[name], dtype=np.int64)
    return attributes


def _is_known(value: Any) -> bool:
    return value is not None and value != NO_TIME and value == value  # NaN is not itself
