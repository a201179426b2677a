"""A snapshot as PyTorch Geometric's ``HeteroData``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from graph import schema
from graph.snapshot import NO_TIME, Edges, Snapshot
from graph.snapshot.arrays import Array

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["edge_type", "node_features", "to_hetero"]


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
    return (columns.to_numpy(writable=True) if names else np.zeros((frame.height, 0), np.float32)), names


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
        store.edge_index = torch.from_numpy(np.stack([edges.source, np.asarray(edges.target)]).astype(np.int64))
        for name, values in attributes(edges).items():
            store[name] = torch.from_numpy(values)
    return data


def attributes(edges: Edges) -> dict[str, Array]:
    """``edge_attr`` and ``time`` of one relationship type, where it has them."""
    found: dict[str, Array] = {}
    if "engagement" in edges.columns:
        found["edge_attr"] = np.array(edges.columns["engagement"], dtype=np.float32).reshape(-1, 1)
    for name in ("lastAt", "since"):
        if name in edges.columns and np.any(np.asarray(edges.columns[name]) != NO_TIME):
            found["time"] = np.array(edges.columns[name], dtype=np.int64)
    return found
