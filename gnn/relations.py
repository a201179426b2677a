"""A relation as two CSRs: by target, to gather messages, and by source, to gather their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["Relation", "both_directions", "rows_of", "sample_neighbours", "sampled", "transpose"]

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Relation:
    """Edges of one type, from sources to targets.

    Edge ``e`` of target ``t`` lies in ``indptr[t]:indptr[t + 1]`` and comes from ``source[e]``. Position ``p`` of
    source ``s`` lies in ``out_indptr[s]:out_indptr[s + 1]``, goes to ``out_target[p]`` and is edge ``out_edge[p]``.
    """

    indptr: Ints
    source: Ids
    out_indptr: Ints
    out_target: Ids
    out_edge: Ids
    features: Floats | None = None
    """Shape (E, F), in edge order."""
    whole_sent: Floats | None = None
    """Number of edges of every source in the whole graph, shape (S,), if this relation holds only some of them."""
    whole_received: Floats | None = None
    """Number of edges into every target in the whole graph, shape (T,), in the same case."""

    @property
    def targets(self) -> int:
        return len(self.indptr) - 1

    @property
    def sources(self) -> int:
        return len(self.out_indptr) - 1

    @property
    def count(self) -> int:
        return len(self.source)

    @property
    def degrees(self) -> Floats:
        """Number of edges of every source in the whole graph, shape (S,)."""
        return self.whole_sent if self.whole_sent is not None else np.diff(self.out_indptr).astype(np.float32)

    @property
    def received(self) -> Floats:
        """Number of edges into every target in the whole graph, shape (T,)."""
        return self.whole_received if self.whole_received is not None else np.diff(self.indptr).astype(np.float32)

    @property
    def target(self) -> Ids:
        """Target of every edge, shape (E,)."""
        return np.repeat(np.arange(self.targets, dtype=np.int32), np.diff(self.indptr))

    def into(self, nodes: Ints) -> Relation:
        """The edges into ``nodes`` (n,), which become the targets 0 … n - 1; degrees stay those of the whole graph."""
        indptr, edges = rows_of(self.indptr, nodes)
        source = np.asarray(self.source)[edges]
        out_indptr, out_target, out_edge, _ = transpose(indptr, source, self.sources)
        features = None if self.features is None else self.features[edges]
        return Relation(indptr, source, out_indptr, out_target, out_edge, features, self.degrees, self.received[nodes])

    def as_of(self, cutoff: float) -> Relation:
        """The same edges with recency, the last feature, rescaled to its value at ``cutoff``, itself a recency."""
        assert self.features is not None
        features = self.features.copy()
        features[:, -1] /= np.float32(cutoff)
        return replace(self, features=features)

    def out_of(self, nodes: Ints) -> Relation:
        """The same edges, which all come from ``nodes`` (n,), ascending; these become the sources 0 … n - 1."""
        number = np.full(self.sources, -1, dtype=np.int32)
        number[nodes] = np.arange(len(nodes), dtype=np.int32)
        sent = np.diff(self.out_indptr)[nodes]
        assert sent.sum() == self.count
        return replace(
            self,
            source=number[self.source],
            out_indptr=np.concatenate(([0], np.cumsum(sent))),
            whole_sent=self.degrees[nodes],
        )


def rows_of(indptr: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """The row starts of the CSR of only ``rows`` (n,) of another one, and the position of each entry in that one."""
    counts = np.diff(indptr)[rows]
    starts = np.concatenate(([0], np.cumsum(counts)))
    return starts, np.repeat(indptr[rows] - starts[:-1], counts) + np.arange(starts[-1])


@numba.njit(cache=True, nogil=True)
def _transpose(indptr: Any, target: Any, width: int) -> Any:
    count = len(target)
    in_indptr = np.zeros(width + 1, np.int64)
    for edge in range(count):
        in_indptr[target[edge] + 1] += 1
    for node in range(width):
        in_indptr[node + 1] += in_indptr[node]
    fill = in_indptr[:-1].copy()
    in_source = np.empty(count, np.int32)
    in_order = np.empty(count, np.int32)
    position = np.empty(count, np.int32)
    for node in range(len(indptr) - 1):
        for edge in range(indptr[node], indptr[node + 1]):
            place = fill[target[edge]]
            fill[target[edge]] = place + 1
            in_source[place] = node
            in_order[place] = edge
            position[edge] = place
    return in_indptr, in_source, in_order, position


def transpose(indptr: Ints, target: Ids, width: int) -> tuple[Ints, Ids, Ids, Ids]:
    """The CSR by target of a CSR by source, by counting sort.

    Gives the row starts (width + 1,), the sources (E,), the old position of every new edge (E,) and the new position
    of every old edge (E,).
    """
    found: tuple[Ints, Ids, Ids, Ids] = _transpose(np.asarray(indptr), np.asarray(target), width)
    return found


@numba.njit(cache=True, nogil=True)
def _keep(indptr: Any, target: Any, mask: Any) -> Any:
    kept_indptr = np.zeros(len(indptr), np.int64)
    kept_target = np.empty(mask.sum(), np.int32)
    filled = 0
    for node in range(len(indptr) - 1):
        for edge in range(indptr[node], indptr[node + 1]):
            if mask[edge]:
                kept_target[filled] = target[edge]
                filled += 1
        kept_indptr[node + 1] = filled
    return kept_indptr, kept_target


def both_directions(
    indptr: Ints,
    target: Ids,
    width: int,
    features: Floats | None = None,
    mask: Mask | None = None,
) -> tuple[Relation, Relation]:
    """The two relations of a CSR of edges row → column: from rows to columns, and from columns to rows.

    ``width`` is the number of columns, ``features`` (E, F) are in CSR order, ``mask`` (E,) says which edges to keep.
    """
    if mask is not None:
        indptr, target = _keep(np.asarray(indptr), np.asarray(target), mask)
        features = None if features is None else features[mask]
    in_indptr, in_source, in_order, position = transpose(indptr, target, width)
    towards = Relation(in_indptr, in_source, indptr, target, position, None if features is None else features[in_order])
    back = Relation(indptr, target, in_indptr, in_source, in_order, features)
    return towards, back


@numba.njit(cache=True, nogil=True)
def sample_neighbours(
    indptr: Any, source: Any, times: Any, nodes: Any, before: Any, count: int, draws: Any
) -> tuple[Any, Any, Any]:
    """Up to ``count`` different random edges into each node, none later than the node's own time.

    indptr (T + 1,) and source (E,) are the CSR by target; times (E,), or (0,) for none; nodes (n,) with their own times
    before (n,); draws (n, count), uniform in 0..1. Gives for every edge drawn its place in ``nodes``, its source and
    its number. Floyd's algorithm draws without repetition in count² steps for any degree; with times, all edges of a
    node are read first.
    """
    places = np.empty(len(nodes) * count, np.int64)
    sources = np.empty(len(nodes) * count, np.int64)
    edges = np.empty(len(nodes) * count, np.int64)
    filled = 0
    timed = len(times) > 0
    for place in range(len(nodes)):
        begin, end = indptr[nodes[place]], indptr[nodes[place] + 1]
        if timed:
            allowed = np.empty(end - begin, np.int64)
            known = 0
            for edge in range(begin, end):
                if times[edge] <= before[place]:
                    allowed[known] = edge
                    known += 1
        else:
            allowed = np.empty(0, np.int64)
            known = end - begin
        first = filled
        for drawn in range(min(count, known)):
            last = known - min(count, known) + drawn
            chosen = min(last, int(draws[place, drawn] * (last + 1)))
            pick = allowed[chosen] if timed else begin + chosen
            for earlier in range(first, filled):
                if edges[earlier] == pick:
                    pick = allowed[last] if timed else begin + last
                    break
            places[filled], sources[filled], edges[filled] = place, source[pick], pick
            filled += 1
    return places[:filled], sources[:filled], edges[:filled]


def sampled(
    relation: Relation,
    count: int,
    rng: np.random.Generator,
    dropout: float = 0.0,
    cut: Sequence[Mask | None] = (),
    nodes: Ints | None = None,
    cutoff: float | None = None,
) -> Relation:
    """At most ``count`` edges into every target, drawn without repetition; a random share ``dropout`` is then dropped.

    With ``nodes`` (n,) these become the targets 0 … n - 1. ``cut`` holds a mask of the sources (S,) and one of the
    targets (T,) all of whose edges are left out; None leaves out none. With a ``cutoff`` only edges with a recency (the
    last feature) up to it are drawn, and their recency is rescaled to its value then. Degrees stay those of the whole
    graph.
    """
    targets = np.arange(relation.targets) if nodes is None else nodes
    draws = rng.random((len(targets), count), dtype=np.float32)
    times = np.empty(0, dtype=np.float32)
    if cutoff is not None:
        assert relation.features is not None
        times = relation.features[:, -1]
    before = np.full(len(targets), cutoff or 0.0, dtype=np.float32)
    target, source, edges = sample_neighbours(relation.indptr, relation.source, times, targets, before, count, draws)
    kept = rng.random(len(edges), dtype=np.float32) >= dropout
    for cold, ends in zip(cut, (source, targets[target]), strict=False):
        if cold is not None:
            kept &= ~cold[ends]
    target, source, edges = target[kept], source[kept].astype(np.int32), edges[kept]
    indptr = np.concatenate(([0], np.cumsum(np.bincount(target, minlength=len(targets)))))
    out_indptr, out_target, out_edge, _ = transpose(indptr, source, relation.sources)
    features = None if relation.features is None else relation.features[edges]
    received = relation.received[targets]
    drawn = Relation(indptr, source, out_indptr, out_target, out_edge, features, relation.degrees, received)
    return drawn if cutoff is None else drawn.as_of(cutoff)
