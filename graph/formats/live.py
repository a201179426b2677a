"""PyG's remote backend over a live Neo4j: features, edges and sampled neighbours, read when they are asked for.

Every process opens a connection of its own at its first question, so loaders may have workers, started by "spawn".
Nodes are numbered when the graph is opened (nid, by Neo4j's own numbers); a relationship to a node that came later is
an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch_geometric.data import EdgeAttr, TensorAttr
from torch_geometric.data.graph_store import EdgeLayout

from graph import schema
from graph.database.driver import Graph
from graph.errors import GraphError
from graph.formats.hetero import edge_type
from graph.formats.read_only import ReadOnlyFeatures, ReadOnlyTopology, refuse_fork
from graph.formats.sampler import REVERSE, EdgeKind
from graph.settings import Settings
from graph.snapshot import Edges
from graph.snapshot.arrays import Ints
from graph.snapshot.export import NODE_QUERIES, Numbered, held_columns, read_edges

__all__ = ["LiveFeatures", "LiveGraph", "LiveTopology"]

_BLOCK: Final = 20_000
"""Nodes whose features are asked for at once."""
_READ_ONLY: Final = "The graph is written by imports and events alone."


class LiveGraph:
    """A running Neo4j as numbered nodes and drawn neighbours; safe to send to another process."""

    def __init__(self, settings: Settings, *, scanned: int = 1_000) -> None:
        """Number the nodes. ``scanned``: relationships of a node that a draw looks at.

        Raises as `Graph.connect` does.
        """
        self._settings = settings
        self._scanned = scanned
        self._process = os.getpid()
        self._open: Graph | None = None
        found = dict(self.graph.stream("export/numbers"))
        self.numbered = {
            label: Numbered(pl.Series(sorted(found.get(label, [])), dtype=pl.Int64)) for label in schema.NODE_KEYS
        }
        self.counts = {label: len(own.numbers) for label, own in self.numbered.items()}

    @property
    def graph(self) -> Graph:
        """The connection of this process."""
        refuse_fork(self._process)
        if self._open is None:
            self._open = Graph.connect(self._settings)
        return self._open

    def close(self) -> None:
        """Close this process's connection; the next question opens another."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _process=os.getpid())

    def ids(self, label: str) -> list[str]:
        """The ids of a label's nodes, in nid order."""
        return self._columns(label, np.arange(self.counts[label]), [schema.NODE_KEYS[label]]).to_series().to_list()

    def features(self, label: str, nids: Ints | None = None) -> Tensor:
        """Numbers and flags of these nodes or all, float32 of shape (nodes, columns), 0 where unknown.

        The columns are those of a snapshot (``graph.formats.hetero.node_features``).
        """
        types = held_columns(self.graph, label)
        names = [name for name, dtype in types.items() if dtype.is_numeric() or dtype == pl.Boolean]
        wanted = np.arange(self.counts[label]) if nids is None else nids
        if not names:
            return torch.zeros((len(wanted), 0))
        frame = self._columns(label, wanted, names)
        floats = frame.select(pl.col(name).cast(pl.Float32).fill_null(0.0) for name in names)
        return torch.from_numpy(floats.to_numpy().copy())

    def neighbours(self, kind: EdgeKind, nids: Ints, cap: int) -> tuple[Ints, Ints]:
        """For each of ``nids``, targets of ``kind``, up to ``cap`` drawn sources: (places in ``nids``, source nids).

        Raises GraphError for a node that came after the graph was opened.
        """
        source, name, target = kind
        reverse = name.startswith(REVERSE)
        ((places, others),) = self.graph.stream(
            "sample/outgoing" if reverse else "sample/incoming",
            numbers=self.numbered[target].numbers.gather(nids).to_list(),
            type=name.removeprefix(REVERSE),
            cap=cap,
            scanned=max(cap, self._scanned),
        )
        found = self.numbered[source].nids(others).astype(np.int64)
        if (found < 0).any():
            raise GraphError(
                f"A {name.removeprefix(REVERSE)} leads to a {source} that came after this graph was opened.",
                do="Open it again.",
            )
        return np.array(places, dtype=np.int64), found

    def edges(self, type_: str) -> Edges:
        """All relationships of a type, without their properties. Raises GraphError as `neighbours` does."""
        relationship = schema.RELATIONSHIPS[type_]
        frame = read_edges(self.graph, type_, self.numbered)
        shape = self.counts[relationship.source], self.counts[relationship.target]
        return Edges.build(type_, frame["source"].to_numpy(), frame["target"].to_numpy(), shape, {})

    def _columns(self, label: str, nids: Ints, names: list[str]) -> pl.DataFrame:
        """The properties ``names`` of the nodes ``nids``, in their order."""
        types = held_columns(self.graph, label)
        unique, inverse = np.unique(nids, return_inverse=True)
        parts = [pl.DataFrame(schema={"nid": pl.Int32, **{name: types[name] for name in names}})]
        for block in _blocks(unique):
            numbers = self.numbered[label].numbers.gather(block).to_list()
            ((answered, columns),) = self.graph.stream(NODE_QUERIES[label], numbers=numbers, names=names)
            values = {
                name: pl.Series(column, dtype=types[name], strict=False)
                for name, column in zip(names, columns, strict=True)
            }
            parts.append(pl.DataFrame({"nid": self.numbered[label].nids(answered), **values}))
        found = pl.concat(parts).sort("nid")
        if found.height != len(unique):
            raise GraphError(f"A {label} is gone since this graph was opened.", do="Open it again.")
        return found.drop("nid")[inverse]


class LiveFeatures(ReadOnlyFeatures):
    """``x`` of every label, asked for by nid."""

    written_by = _READ_ONLY

    def __init__(self, live: LiveGraph) -> None:
        super().__init__()
        self._live = live

    def get_all_tensor_attrs(self) -> list[TensorAttr]:
        return [TensorAttr(label, "x") for label, count in self._live.counts.items() if count]

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        label = self.known(attr, self._live.counts)
        if attr.index is None:
            return self._live.features(label)
        every = np.arange(self._live.counts[label])
        return self._live.features(label, np.atleast_1d(every[attr.index]))

    def _get_tensor_size(self, attr: TensorAttr) -> tuple[int, ...]:
        label = self.known(attr, self._live.counts)
        return self._live.counts[label], self._live.features(label, np.arange(0)).shape[1]


class LiveTopology(ReadOnlyTopology):
    """Every kind of edge and its reverse (``rev_…``) in COO; a sampled batch never asks for them whole."""

    written_by = _READ_ONLY

    def __init__(self, live: LiveGraph) -> None:
        super().__init__()
        self._live = live

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        return [
            EdgeAttr(kind, EdgeLayout.COO, size=(self._live.counts[kind[0]], self._live.counts[kind[2]]))
            for name in schema.RELATIONSHIPS
            for kind in (edge_type(name), reverse_of(edge_type(name)))
        ]

    def _get_edge_index(self, edge_attr: EdgeAttr) -> tuple[Tensor, Tensor] | None:
        name = edge_attr.edge_type[1]
        plain = name.removeprefix(REVERSE)
        if plain not in schema.RELATIONSHIPS or edge_attr.layout != EdgeLayout.COO:
            return None
        if edge_attr.edge_type not in (edge_type(plain), reverse_of(edge_type(plain))):
            return None
        edges = self._live.edges(plain)
        ends = torch.from_numpy(edges.source.astype(np.int64)), torch.from_numpy(edges.target.astype(np.int64))
        return ends if name == plain else (ends[1], ends[0])


def reverse_of(kind: EdgeKind) -> EdgeKind:
    """The kind of the same edges from target to source."""
    return kind[2], REVERSE + kind[1], kind[0]


def _blocks(nids: Ints) -> Iterator[Ints]:
    for first in range(0, len(nids), _BLOCK):
        yield nids[first : first + _BLOCK]
