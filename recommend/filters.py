"""Filters: decide by the newest available facts whether a candidate may be shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp

from graph import schema
from graph.snapshot import Snapshot
from recommend.request import Request, digest

__all__ = ["FILTERS", "Facts", "allowed", "held_back"]


@dataclass(frozen=True)
class Facts:
    """Facts about one candidate and the person it is for."""

    content_id: str
    kind: str
    link: str | None = None
    made_by: tuple[str, ...] = ()
    """Bare ids of its makers, those marked private left out."""
    seen: bool = False
    own: bool = False
    hidden: bool = False
    blocked: bool = False
    """Made by somebody the person blocked, or who blocked them."""
    taken_down: bool = False
    replay: bool = False
    """Seen, and may come again."""
    wanted: bool = True
    """Whether the candidate is among what the request is narrowed to."""


#: A candidate is kept if every filter returns true.
FILTERS: Final[Mapping[str, Callable[[Request, Facts], bool]]] = {
    "kind": lambda request, facts: request.kind in (None, facts.kind),
    "wanted": lambda _, facts: facts.wanted,
    "excluded": lambda request, facts: facts.content_id not in request.exclude,
    "seen": lambda _, facts: facts.replay or not facts.seen,
    "own": lambda _, facts: not facts.own,
    "hidden": lambda _, facts: not facts.hidden,
    "blocked": lambda _, facts: not facts.blocked,
    "taken_down": lambda _, facts: not facts.taken_down,
    "shown": lambda request, facts: digest(facts.content_id) not in request.shown,
}


def allowed(request: Request, facts: Facts) -> bool:
    """Whether every filter lets the candidate through."""
    return all(lets(request, facts) for lets in FILTERS.values())


def held_back(
    snapshot: Snapshot,
    blocked: Collection[tuple[str, str]] = (),
    hid: Collection[tuple[str, str]] = (),
    seen: Collection[tuple[str, str]] = (),
) -> sp.csr_array:
    """Users × contents that are a user's own, hidden by them, or made by somebody blocked on either side.

    ``blocked``, ``hid`` and ``seen`` are pairs of ids that came after the snapshot.
    """
    users = snapshot.users

    def matrix(type_: str, more: Collection[tuple[str, str]] = ()) -> sp.csr_array:
        edges, ends = snapshot.edges[type_], snapshot.nodes[schema.RELATIONSHIPS[type_].target]
        pairs = [(source, target) for source, target in more if source in users and target in ends]
        source = np.concatenate([edges.source, users.nids([one for one, _ in pairs])])
        target = np.concatenate([edges.target, ends.nids([other for _, other in pairs])])
        return sp.csr_array((np.ones(len(source), dtype=bool), (source, target)), shape=(users.count, edges.width))

    made, between = matrix(schema.MADE), matrix(schema.BLOCKED, blocked)
    return sp.csr_array(made + matrix(schema.HID, [*hid, *seen]) + (between + between.T) @ made)
