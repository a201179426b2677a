"""Filters: the facts that decide whether a candidate may be shown, as fresh as they can be had."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.sparse as sp

from graph import schema
from graph.snapshot import Snapshot
from recommend.request import Request

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["FILTERS", "Facts", "allowed", "facts_from_graph", "facts_from_snapshot", "held_back"]


@dataclass(frozen=True)
class Facts:
    """What is known about one candidate and the person it is for."""

    content_id: str
    kind: str
    link: str | None = None
    made_by: tuple[str, ...] = ()
    audience: int = 0
    """How many people watched it."""
    seen: bool = False
    own: bool = False
    hidden: bool = False
    blocked: bool = False
    """Made by somebody the person blocked, or who blocked them."""


#: A candidate stays when every one of these lets it through.
FILTERS: Final[Mapping[str, Callable[[Request, Facts], bool]]] = {
    "kind": lambda request, facts: request.kind in (None, facts.kind),
    "excluded": lambda request, facts: facts.content_id not in request.exclude,
    "seen": lambda _, facts: not facts.seen,
    "own": lambda _, facts: not facts.own,
    "hidden": lambda _, facts: not facts.hidden,
    "blocked": lambda _, facts: not facts.blocked,
}


def allowed(request: Request, facts: Facts) -> bool:
    """Whether every filter lets the candidate through."""
    return all(lets(request, facts) for lets in FILTERS.values())


def facts_from_graph(
    graph: Graph, request: Request, content_ids: Collection[str], deadline_ms: int
) -> dict[str, Facts]:
    """Facts as of now, by content id; contents that the graph no longer has are left out."""
    rows = graph.read(
        "filters/facts",
        deadline_ms=deadline_ms,
        request_id=request.id,
        userId=request.user_id,
        contentIds=list(content_ids),
    )
    return {
        row["contentId"]: Facts(
            content_id=row["contentId"],
            kind=row["kind"],
            link=row["link"],
            made_by=tuple(row["madeBy"]),
            audience=row["audience"],
            seen=row["seen"],
            own=row["own"],
            hidden=row["hidden"],
            blocked=row["blocked"],
        )
        for row in rows
    }


def facts_from_snapshot(snapshot: Snapshot, request: Request, content_ids: Collection[str]) -> dict[str, Facts]:
    """Facts as of the snapshot, by content id; contents younger than it are left out."""
    contents, users = snapshot.contents, snapshot.users
    nids = contents.known(content_ids)
    me = int(users.nids([request.user_id])[0]) if request.user_id in users else None

    def mine(type_: str) -> set[int]:
        edges = snapshot.edges[type_]
        return set() if me is None else set(edges.target[edges.indptr[me] : edges.indptr[me + 1]].tolist())

    seen, own, hidden, blocked = (mine(t) for t in (schema.WATCHED, schema.MADE, schema.HID, schema.BLOCKED))
    if me is not None:
        by = snapshot.edges[schema.BLOCKED].incoming
        blocked |= set(by.neighbour[by.indptr[me] : by.indptr[me + 1]].tolist())
    makers = snapshot.edges[schema.MADE].incoming
    audience = np.diff(snapshot.watched.incoming.indptr)
    facts = {}
    for nid, content_id in zip(nids.tolist(), contents.ids.gather(nids).to_list(), strict=True):
        made_by = makers.neighbour[makers.indptr[nid] : makers.indptr[nid + 1]].tolist()
        facts[content_id] = Facts(
            content_id=content_id,
            kind=str(snapshot.kinds[nid]),
            made_by=tuple(users.ids.gather(made_by).to_list()),
            audience=int(audience[nid]),
            seen=nid in seen,
            own=nid in own,
            hidden=nid in hidden,
            blocked=any(maker in blocked for maker in made_by),
        )
    return facts


def held_back(snapshot: Snapshot) -> sp.csr_array:
    """Users × contents that are a user's own, hidden by them, or made by somebody blocked on either side."""

    def matrix(type_: str) -> sp.csr_array:
        edges = snapshot.edges[type_]
        ones = np.ones(len(edges), dtype=bool)
        return sp.csr_array((ones, edges.target, edges.indptr), shape=(snapshot.users.count, edges.width))

    made, blocked = matrix(schema.MADE), matrix(schema.BLOCKED)
    return sp.csr_array(made + matrix(schema.HID) + (blocked + blocked.T) @ made)
