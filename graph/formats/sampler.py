"""A neighbour sampler for PyG's loaders that draws from a live Neo4j or from a snapshot, without pyg-lib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput
from torch_geometric.sampler.neighbor_sampler import edge_sample

from graph import schema
from graph.formats.hetero import edge_type
from graph.snapshot import Snapshot
from graph.snapshot.arrays import Csr, Ints

__all__ = ["REVERSE", "EdgeKind", "NeighbourSampler", "Neighbours", "SnapshotNeighbours"]

REVERSE: Final = "rev_"
"""Prefix of a relationship type for the same edges from target to source, as ``ToUndirected`` names them."""

EdgeKind = tuple[str, str, str]


class Neighbours(Protocol):
    """A source of neighbours."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Nodes by label."""

    def neighbours(self, kind: EdgeKind, nids: Ints, cap: int) -> tuple[Ints, Ints]:
        """Draw up to ``cap`` sources of each of ``nids``, targets of ``kind``: (places in ``nids``, source nids)."""


class SnapshotNeighbours:
    """Draws from a snapshot's memory-mapped arrays."""

    def __init__(self, snapshot: Snapshot, seed: int = 0) -> None:
        self.counts: Mapping[str, int] = {label: nodes.count for label, nodes in snapshot.nodes.items()}
        self._snapshot = snapshot
        self._rng = np.random.default_rng(seed)

    def neighbours(self, kind: EdgeKind, nids: Ints, cap: int) -> tuple[Ints, Ints]:
        """See `Neighbours`. Draws without replacement where a node has more than ``cap``."""
        edges = self._snapshot.edges[kind[1].removeprefix(REVERSE)]
        around: Csr = edges.outgoing if kind[1].startswith(REVERSE) else edges.incoming
        places, drawn = [], []
        for place, nid in enumerate(nids.tolist()):
            beside = around.of(nid)
            drawn.append(beside if len(beside) <= cap else self._rng.choice(beside, cap, replace=False))
            places.append(np.full(len(drawn[-1]), place))
        if not places:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(places).astype(np.int64), np.concatenate(drawn).astype(np.int64)


class NeighbourSampler(BaseSampler):  # type: ignore[misc]
    """Neighbours of seeds, hop by hop, for ``NodeLoader`` and ``LinkLoader``.

    ``num_neighbours``: most neighbours drawn for a node, by hop. ``types``: relationship types to go along, in either
    direction; by default all. An edge of a drawn neighbour is drawn once; each node is in a batch once.
    """

    def __init__(
        self, source: Neighbours, num_neighbours: Sequence[int], types: Sequence[str] = tuple(schema.RELATIONSHIPS)
    ) -> None:
        self._source = source
        self._caps = list(num_neighbours)
        plain = [edge_type(name) for name in types]
        self._kinds = [*plain, *((target, REVERSE + name, source) for source, name, target in plain)]

    def sample_from_nodes(self, inputs: NodeSamplerInput) -> HeteroSamplerOutput:
        """The neighbourhood of some nodes."""
        out = self._sample({inputs.input_type: inputs.node})
        out.metadata = (inputs.input_id, inputs.time)
        return out

    def sample_from_edges(self, inputs: EdgeSamplerInput, neg_sampling: Any = None) -> HeteroSamplerOutput:
        """The neighbourhood of both ends of some edges, with negative ones where asked for."""
        return edge_sample(inputs, self._sample, dict(self._source.counts), disjoint=False, neg_sampling=neg_sampling)

    @property
    def edge_permutation(self) -> None:
        """None: edges have no attributes."""
        return

    def _sample(self, seeds: Mapping[str, Tensor], seed_time: Any = None) -> HeteroSamplerOutput:
        nodes: dict[str, dict[int, int]] = {}
        """Label → nid → place in the batch."""
        order = {label: given.numpy() for label, given in seeds.items()}
        for label, given in order.items():
            nodes[label] = {nid: place for place, nid in reversed(list(enumerate(given.tolist())))}
        listed = {label: given.tolist() for label, given in order.items()}
        pairs: dict[EdgeKind, tuple[list[Ints], list[Ints]]] = {kind: ([], []) for kind in self._kinds}
        front = {label: np.fromiter(own, dtype=np.int64) for label, own in nodes.items()}
        for cap in self._caps:
            ahead: dict[str, list[int]] = {}
            for kind in self._kinds:
                source, _, target = kind
                if not len(front.get(target, ())):
                    continue
                places, others = self._source.neighbours(kind, front[target], cap)
                known, names = nodes.setdefault(source, {}), listed.setdefault(source, [])
                for nid in others.tolist():
                    if nid not in known:
                        known[nid] = len(names)
                        names.append(nid)
                        ahead.setdefault(source, []).append(nid)
                targets = front[target][places].tolist()
                pairs[kind][0].append(np.fromiter((known[nid] for nid in others.tolist()), dtype=np.int64))
                pairs[kind][1].append(np.fromiter((nodes[target][nid] for nid in targets), dtype=np.int64))
            front = {label: np.array(nids, dtype=np.int64) for label, nids in ahead.items()}
        used = {kind: ends for kind, ends in pairs.items() if ends[0]}
        return HeteroSamplerOutput(
            node={label: torch.tensor(nids, dtype=torch.int64) for label, nids in listed.items()},
            row={kind: torch.from_numpy(np.concatenate(ends[0])) for kind, ends in used.items()},
            col={kind: torch.from_numpy(np.concatenate(ends[1])) for kind, ends in used.items()},
            edge=dict.fromkeys(used),
        )
