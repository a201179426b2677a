"""The relations of a snapshot over which the network passes messages, and the edges of each for one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
import numpy.typing as npt

from gnn.relations import Relation, both_directions, sampled
from gnn.sweeps import pool
from graph import schema
from graph.snapshot import Edges, Snapshot

__all__ = ["Cold", "Cutoffs", "Link", "Topology"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Cold = Mapping[str, npt.NDArray[np.bool_]]
"""Label → mask of its nodes that a step treats as never seen in training. A label that is missing has none."""

Cutoffs = Mapping[str, float]
"""Relationship type → a step's cut-off as a recency, the last feature of its edges: edges with a higher recency are
later and left out. Types that are missing have no cut-off."""

#: Relationship types that carry messages. BLOCKED and HID are left out because they do not mean similar taste,
#: LISTENS_TO and CREATES_IN because they summarise the watches that are to be predicted (`graph.snapshot.hindsight`).
_CARRIERS = (
    schema.WATCHED,
    schema.FOLLOWS,
    schema.MADE,
    schema.USES,
    schema.HAS_GENRE,
    schema.HAS_MOOD,
    schema.TAGGED,
)


@dataclass(frozen=True)
class Link:
    """One direction of a relationship type: messages go from nodes of label ``source`` to those of ``target``."""

    name: str
    source: str
    target: str
    features: int = 0
    """Number of features of every edge."""

    @property
    def main(self) -> bool:
        """Whether this is a direction of WATCHED; its messages have no gate."""
        return self.name.endswith(schema.WATCHED)


class Topology:
    """The snapshot's edges as relations between labels, without relationship types that have no edges."""

    def __init__(self, snapshot: Snapshot, edge_features: Mapping[str, Floats] | None = None) -> None:
        """``edge_features``: relationship type → (E, F), in the snapshot's order, for the types that have any."""
        self._edges = {n: snapshot.edges[n] for n in _CARRIERS if n == schema.WATCHED or len(snapshot.edges[n])}
        self._features = edge_features or {}
        self._mutual = {name for name, edges in self._edges.items() if _is_symmetric(edges)}
        links = []
        for name in self._edges:
            type_ = schema.RELATIONSHIPS[name]
            width = self._features[name].shape[1] if name in self._features else 0
            links.append(Link(name, type_.source, type_.target, width))
            if name not in self._mutual:
                links.append(Link(f"rev_{name}", type_.target, type_.source, width))
        self.links = tuple(links)
        labels = {schema.USER, schema.CONTENT} | {label for link in links for label in (link.source, link.target)}
        self.counts = {label: snapshot.nodes[label].count for label in sorted(labels)}

    @cached_property
    def whole(self) -> dict[str, Relation]:
        """Every relation with all its edges, by link name."""
        return self._relations(None, 0.0)

    @property
    def edges(self) -> int:
        """Number of edges of all relations."""
        return sum(relation.count for relation in self.whole.values())

    def dropped(
        self, rng: np.random.Generator, share: float, cold: Cold | None = None, cutoffs: Cutoffs | None = None
    ) -> dict[str, Relation]:
        """Every relation without a random ``share`` of its edges; an edge is dropped in both directions or in none.

        WATCHED edges of ``cold`` nodes are left out. With ``cutoffs``, later edges are left out, and the recency of the
        others is rescaled to its value at the cut-off.
        """
        return self._relations(rng, share, cold, cutoffs) if share > 0.0 or cold or cutoffs else self.whole

    def sampled(
        self,
        rng: np.random.Generator,
        count: int,
        share: float,
        cold: Cold | None = None,
        users: Ints | None = None,
        cutoffs: Cutoffs | None = None,
    ) -> dict[str, Relation]:
        """Every relation with at most ``count`` random edges into each node, of which a random ``share`` is dropped.

        The two directions are drawn independently. ``cold`` and ``cutoffs`` as in `dropped`. ``users`` are for the last
        layer: only relations into users and contents are drawn, and those into users end at ``users``.
        """
        links = [link for link in self.links if users is None or link.target in (schema.USER, schema.CONTENT)]
        cuts = [
            [cold.get(label) for label in (link.source, link.target)] if cold and link.main else () for link in links
        ]
        whole = [self.whole[link.name] for link in links]
        seeds = rng.integers(2**62, size=len(whole))  # one for each relation, so the order of threads does not matter
        rngs = map(np.random.default_rng, seeds)
        ends = (users if link.target == schema.USER else None for link in links)
        bounds = ((cutoffs or {}).get(link.name.removeprefix("rev_")) for link in links)
        drawn = pool().map(sampled, whole, repeat(count), rngs, repeat(share), cuts, ends, bounds)
        return dict(zip((link.name for link in links), drawn, strict=True))

    def into(self, users: Ints, relations: Mapping[str, Relation]) -> dict[str, Relation]:
        """The same ``relations``, but those into users end at ``users`` only."""
        return {
            link.name: relations[link.name].into(users) if link.target == schema.USER else relations[link.name]
            for link in self.links
        }

    def between(self, users: Ints, relations: Mapping[str, Relation]) -> tuple[Ints, dict[str, Relation]]:
        """``users`` with all users that send them messages, ascending, and the relations with these as their sources.

        The cost of a layer grows with its number of nodes, and sampled relations of a large graph reach few users.
        """
        there = np.zeros(self.counts[schema.USER], dtype=bool)
        there[users] = True
        mine = {link.name for link in self.links if link.source == schema.USER} & relations.keys()
        for name in mine:
            there[relations[name].source] = True
        senders = np.flatnonzero(there)
        return senders, {
            name: relation.out_of(senders) if name in mine else relation for name, relation in relations.items()
        }

    def _relations(
        self,
        rng: np.random.Generator | None,
        share: float,
        cold: Cold | None = None,
        cutoffs: Cutoffs | None = None,
    ) -> dict[str, Relation]:
        relations = {}
        for name, edges in self._edges.items():
            features = self._features.get(name)
            mask = None if rng is None else rng.random(len(edges), dtype=np.float32) >= share
            if mask is not None and cold and name == schema.WATCHED:
                for label, ends in ((schema.USER, edges.source), (schema.CONTENT, edges.target)):
                    if label in cold:
                        mask &= ~cold[label][ends]
            cutoff = (cutoffs or {}).get(name)
            if cutoff is not None and mask is not None:
                assert features is not None
                mask &= features[:, -1] <= cutoff
            towards, back = both_directions(edges.indptr, edges.target, edges.width, features, mask)
            if cutoff is not None:
                towards, back = towards.as_of(cutoff), back.as_of(cutoff)
            relations[name] = towards
            if name not in self._mutual:
                relations[f"rev_{name}"] = back
        return relations


def _is_symmetric(edges: Edges) -> bool:
    """Whether every edge a → b has an edge b → a, as friendships do; then one direction is enough."""
    type_ = schema.RELATIONSHIPS[edges.type]
    if type_.source != type_.target:
        return False
    incoming = edges.incoming
    return np.array_equal(incoming.indptr, edges.indptr) and np.array_equal(incoming.neighbour, edges.target)
