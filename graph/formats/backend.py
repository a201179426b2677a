"""PyG's remote backend over a snapshot: a FeatureStore and a GraphStore that read memory-mapped arrays when asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import EdgeAttr, TensorAttr
from torch_geometric.data.graph_store import EdgeLayout

from graph.formats.hetero import edge_type, node_features
from graph.formats.read_only import ReadOnlyFeatures, ReadOnlyTopology
from graph.formats.sampler import REVERSE
from graph.snapshot import Snapshot

__all__ = ["SnapshotFeatures", "SnapshotTopology"]

_READ_ONLY = "A snapshot is read only; write to the graph and export again."


class SnapshotFeatures(ReadOnlyFeatures):
    """``x`` of every label: float32 of shape (nodes, columns), as ``graph.formats.hetero.node_features`` gives it."""

    written_by = _READ_ONLY

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._read: dict[str, Tensor] = {}

    def get_all_tensor_attrs(self) -> list[TensorAttr]:
        return [TensorAttr(label, "x") for label in self._snapshot.nodes]

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        label = self.known(attr, self._snapshot.nodes)
        if label not in self._read:
            self._read[label] = torch.from_numpy(node_features(self._snapshot, label)[0])
        features = self._read[label]
        return features if attr.index is None else features[attr.index]

    def _get_tensor_size(self, attr: TensorAttr) -> tuple[int, ...]:
        return tuple(self._get_tensor(TensorAttr(attr.group_name, attr.attr_name, None)).shape)


class SnapshotTopology(ReadOnlyTopology):
    """Every kind of edge in COO (sorted by source), CSR and CSC (sorted by target); its reverse (``rev_…``) in COO."""

    written_by = _READ_ONLY

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._edges = {edge_type(type_): edges for type_, edges in snapshot.edges.items()}

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        return [
            EdgeAttr(kind, layout, size=(len(edges.indptr) - 1, edges.width))
            for kind, edges in self._edges.items()
            for layout in (EdgeLayout.CSC, EdgeLayout.CSR, EdgeLayout.COO)
        ] + [
            EdgeAttr((target, REVERSE + name, source), EdgeLayout.COO, size=(edges.width, len(edges.indptr) - 1))
            for (source, name, target), edges in self._edges.items()
        ]

    def _get_edge_index(self, edge_attr: EdgeAttr) -> tuple[Tensor, Tensor] | None:
        """(row, column) in COO, (row pointers, columns) in CSR, (rows, column pointers) in CSC; int64."""
        source, name, target = edge_attr.edge_type
        edges = self._edges.get((target, name.removeprefix(REVERSE), source))
        if name.startswith(REVERSE) and edges is not None and edge_attr.layout == EdgeLayout.COO:
            return _long(edges.target), _long(edges.source)
        edges = self._edges.get(edge_attr.edge_type)
        if edges is None:
            return None
        if edge_attr.layout == EdgeLayout.CSC:
            incoming = edges.incoming
            return _long(incoming.neighbour), _long(incoming.indptr)
        first = edges.source if edge_attr.layout == EdgeLayout.COO else edges.indptr
        return _long(first), _long(edges.target)


def _long(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.int64))
