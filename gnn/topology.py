"""Which kinds of nodes and relations of a snapshot the network passes messages over, and their edges for one step."""

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

__all__ = ["Cold", "Link", "Moment", "Topology"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Cold = Mapping[str, npt.NDArray[np.bool_]]
"""Label → whether each of its nodes is to be treated as one that training never saw; none of labels not named."""

Moment = Mapping[str, float]
"""Relationship type → the recency, its edges' last feature, that an edge of some moment has by now: what is more recent
came later, and is not there yet. Types that are not named are always there."""

#: Relationship types that carry messages. A block or a hidden content is a wish, not a likeness, and the genres that
#: somebody listens to and creates in sum up what is to be learned (`graph.snapshot.hindsight`).
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
    """Features of every edge."""

    @property
    def main(self) -> bool:
        """Whether this is a direction of WATCHED, whose messages need no gate."""
        return self.name.endswith(schema.WATCHED)


class Topology:
    """The snapshot's edges as relations between labels; relationship types without edges are left out."""

    def __init__(self, snapshot: Snapshot, edge_features: Mapping[str, Floats] | None = None) -> None:
        """``edge_features`` (E, F) describe the edges of some relationship types, in the snapshot's order."""
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
        """Edges of all relations."""
        return sum(relation.count for relation in self.whole.values())

    def dropped(
        self, rng: np.random.Generator, share: float, cold: Cold | None = None, moment: Moment | None = None
    ) -> dict[str, Relation]:
        """Every relation without a random ``share`` of its edges; an edge goes in both directions or in none.

        Nothing is watched by, and nobody watches, the nodes that are ``cold``. With a ``moment``, there is only what
        was there by then, as recent as it was then.
        """
        return self._relations(rng, share, cold, moment) if share > 0.0 or cold or moment else self.whole

    def sampled(
        self,
        rng: np.random.Generator,
        count: int,
        share: float,
        cold: Cold | None = None,
        users: Ints | None = None,
        moment: Moment | None = None,
    ) -> dict[str, Relation]:
        """Every relation with at most ``count`` random edges into each node, less a random ``share`` of them.

        Each direction is drawn for itself. ``cold`` and ``moment`` as in `dropped`. With ``users``, for a last layer:
        relations into users end at these only, and of the others there are those into contents.
        """
        links = [link for link in self.links if users is None or link.target in (schema.USER, schema.CONTENT)]
        cuts = [
            [cold.get(label) for label in (link.source, link.target)] if cold and link.main else () for link in links
        ]
        whole = [self.whole[link.name] for link in links]
        seeds = rng.integers(2**62, size=len(whole))  # a draw of its own for each, whoever comes first
        rngs = map(np.random.default_rng, seeds)
        ends = (users if link.target == schema.USER else None for link in links)
        by_then = ((moment or {}).get(link.name.removeprefix("rev_")) for link in links)
        drawn = pool().map(sampled, whole, repeat(count), rngs, repeat(share), cuts, ends, by_then)
        return dict(zip((link.name for link in links), drawn, strict=True))

    def into(self, users: Ints, relations: Mapping[str, Relation]) -> dict[str, Relation]:
        """The same ``relations``, those into users ending at ``users`` only."""
        return {
            link.name: relations[link.name].into(users) if link.target == schema.USER else relations[link.name]
            for link in self.links
        }

    def between(self, users: Ints, relations: Mapping[str, Relation]) -> tuple[Ints, dict[str, Relation]]:
        """``users`` and those that ``relations`` have messages from, ascending; and the relations from these alone.

        Of a large graph's users a draw reaches some only, and what a layer costs is counted in nodes.
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
        moment: Moment | None = None,
    ) -> dict[str, Relation]:
        relations = {}
        for name, edges in self._edges.items():
            features = self._features.get(name)
            mask = None if rng is None else rng.random(len(edges), dtype=np.float32) >= share
            if mask is not None and cold and name == schema.WATCHED:
                for label, ends in ((schema.USER, edges.source), (schema.CONTENT, edges.target)):
                    if label in cold:
                        mask &= ~cold[label][ends]
            by_then = (moment or {}).get(name)
            if by_then is not None and mask is not None:
                assert features is not None
                mask &= features[:, -1] <= by_then
            towards, back = both_directions(edges.indptr, edges.target, edges.width, features, mask)
            if by_then is not None:
                towards, back = towards.as_of(by_then), back.as_of(by_then)
            relations[name] = towards
            if name not in self._mutual:
                relations[f"rev_{name}"] = back
        return relations


def _is_symmetric(edges: Edges) -> bool:
    """Whether every edge a → b has its b → a, as friendships do: one direction then says all."""
    type_ = schema.RELATIONSHIPS[edges.type]
    if type_.source != type_.target:
        return False
    incoming = edges.incoming
    return np.array_equal(incoming.indptr, edges.indptr) and np.array_equal(incoming.neighbour, edges.target)
