"""Neighbour sampling over CSR arrays for PyG's NodeLoader and LinkLoader, which need pyg-lib for their own.

The trainer does not use it: it passes messages over the whole graph, or over relations that it samples itself. This
sampler is for mini-batches with PyG's own models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    HeteroSamplerOutput,
    NegativeSampling,
    NodeSamplerInput,
)

from gnn.relations import Relation, sample_neighbours
from gnn.topology import Link

__all__ = ["NeighbourSampler"]

Ints = npt.NDArray[np.int64]


class NeighbourSampler(BaseSampler):  # type: ignore[misc]
    """Samples ``fanout[l]`` edges of every relation into every node of hop ``l``; with times, no later edges."""

    def __init__(
        self,
        links: Sequence[Link],
        relations: Mapping[str, Relation],
        fanout: Sequence[int],
        times: Mapping[str, Ints] | None = None,
        seed: int = 0,
    ) -> None:
        """``times`` (E,) by link name, in the relation's edge order. A link without times is always sampled from, and
        so is an edge whose time is NO_TIME, the smallest of all."""
        self._links = tuple(links)
        self._relations = relations
        self._fanout = tuple(fanout)
        self._times = dict(times or {})
        self._rng = np.random.default_rng(seed)

    def sample_from_nodes(self, index: NodeSamplerInput, **_: Any) -> HeteroSamplerOutput:
        """The neighbourhood of seeds of one label; no edge of a seed's tree is later than the seed's time, if given."""
        seeds = index.node.numpy().astype(np.int64)
        times = None if index.time is None else index.time.numpy()
        return self._sample({index.input_type: (seeds, times)}, (index.input_id, index.time))

    def sample_from_edges(
        self, index: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None
    ) -> HeteroSamplerOutput:
        """The neighbourhoods of both ends of some edges, with ``metadata`` as PyG's LinkLoader reads it.

        Negative pairs are drawn uniformly when ``neg_sampling`` is binary; other modes raise ValueError.
        """
        source_label, _, target_label = index.input_type
        rows, columns = index.row.numpy().astype(np.int64), index.col.numpy().astype(np.int64)
        label = torch.ones(len(rows)) if index.label is None else index.label
        times = None if index.time is None else index.time.numpy()
        if neg_sampling is not None:
            if not neg_sampling.is_binary():
                raise ValueError("NeighbourSampler draws binary negatives only")
            extra = int(np.ceil(len(rows) * neg_sampling.amount))
            width = max(self._relations[link.name].targets for link in self._links if link.target == target_label)
            rows = np.concatenate([rows, self._rng.choice(rows, extra)])
            columns = np.concatenate([columns, self._rng.integers(0, width, extra)])
            label = torch.cat([label, torch.zeros(extra)])
            times = None if times is None else np.concatenate([times, self._rng.choice(times, extra)])
        pairs = np.arange(len(rows))
        if source_label == target_label:
            both = None if times is None else np.concatenate([times, times])
            seeds = {source_label: (np.concatenate([rows, columns]), both)}
            ends = np.stack([pairs, pairs + len(rows)])
        else:
            seeds = {source_label: (rows, times), target_label: (columns, times)}
            ends = np.stack([pairs, pairs])
        return self._sample(seeds, (index.input_id, torch.from_numpy(ends), label, index.time))

    def _sample(self, seeds: Mapping[str, tuple[Ints, Ints | None]], metadata: Any) -> HeteroSamplerOutput:
        """Every seed has a tree of its own, so that a seed never sees edges that are later than its time."""
        labels = sorted({label for link in self._links for label in (link.source, link.target)})
        nodes = {label: [seeds[label][0]] if label in seeds else [] for label in labels}
        bounds = {label: [self._bounds(*seeds[label])] if label in seeds else [] for label in labels}
        filled = {label: sum(map(len, nodes[label])) for label in labels}
        hop = {label: (0, filled[label]) for label in labels}
        found: dict[str, list[tuple[Ints, Ints, Ints]]] = {link.name: [] for link in self._links}
        for count in self._fanout:
            grown = dict(filled)
            drawn = []
            for link in self._links:
                first, last = hop[link.target]
                if first == last:
                    continue
                frontier = np.concatenate(nodes[link.target])[first:last]
                before = np.concatenate(bounds[link.target])[first:last]
                relation = self._relations[link.name]
                times = self._times.get(link.name, np.empty(0, dtype=np.int64))
                draws = self._rng.random((len(frontier), count))
                places, sources, edges = sample_neighbours(
                    relation.indptr, relation.source, times, frontier, before, count, draws
                )
                rows = np.arange(len(sources)) + grown[link.source]
                grown[link.source] += len(sources)
                drawn.append((link.source, sources, before[places]))
                found[link.name].append((rows, places + first, edges))
            for label, sources, before in drawn:
                nodes[label].append(sources)
                bounds[label].append(before)
            hop = {label: (filled[label], grown[label]) for label in labels}
            filled = grown
        return self._output(nodes, found, metadata)

    def _bounds(self, seeds: Ints, times: Ints | None) -> Ints:
        return np.full(len(seeds), np.iinfo(np.int64).max) if times is None else np.asarray(times, dtype=np.int64)

    def _output(
        self, nodes: Mapping[str, list[Ints]], found: Mapping[str, list[tuple[Ints, Ints, Ints]]], metadata: Any
    ) -> HeteroSamplerOutput:
        row, column, edge = {}, {}, {}
        for link in self._links:
            type_ = (link.source, link.name, link.target)
            parts = [np.concatenate(arrays) for arrays in zip(*found[link.name], strict=True)] or [_NONE] * 3
            row[type_], column[type_], edge[type_] = (torch.from_numpy(part) for part in parts)
        return HeteroSamplerOutput(
            node={label: torch.from_numpy(np.concatenate([_NONE, *parts])) for label, parts in nodes.items()},
            row=row,
            col=column,
            edge=edge,
            metadata=metadata,
        )


_NONE = np.empty(0, dtype=np.int64)
