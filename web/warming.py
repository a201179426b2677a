"""Work that a service does in advance, so that no user waits for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

import numpy as np

from graph import aside, schema
from graph.catalogue.changes import Change
from graph.database.driver import Graph
from graph.errors import EntourageError
from graph.events import IMPRESSION, KINDS, Entry, milliseconds
from graph.live.record import rehearse
from graph.settings import Settings
from graph.snapshot import Edges, Snapshot
from recommend.reader import GraphReader
from recommend.request import Deadline, Request
from recommend.served_model import ServedModel
from recommend.service import FeedService

__all__ = ["read_ahead", "warm", "warm_graph", "warm_model", "warm_writes"]

_WARMING_MS: Final = 10_000
_TIMES: Final = 3
"""How often each kind of event is rehearsed."""


def warm(feeds: FeedService, user_id: str) -> None:
    """Ask it everything once before it serves: the first person must not wait for Neo4j to plan its queries."""
    for question in (partial(feeds.recommend, deadline_ms=_WARMING_MS), feeds.neighbourhood, feeds.people):
        with suppress(EntourageError):
            question(user_id)


def warm_graph(feeds: FeedService, settings: Settings, people: list[str]) -> None:
    """Have Neo4j plan every query after a start, which does not wait for this. One worker does it."""
    if not (feeds.graph and feeds.snapshot and people):
        return
    with aside.alone(settings.home / "warming.lock") as first:
        if first:
            warm(FeedService(feeds.graph, None, None, settings, outbox=feeds.recent.outbox), people[0])
            reader = GraphReader(feeds.graph, settings, feeds.snapshot.mode == "implicit")
            warm_behind(reader, people[0], feeds.snapshot.contents.ids.head(20).to_list())
            warm_writes(feeds.graph, feeds.snapshot)


def warm_behind(graph: GraphReader, user_id: str, content_ids: list[str]) -> None:
    """Ask Neo4j the questions of a feed from a view that is behind: they come when Neo4j has the most to do."""
    request = Request("warming", user_id, 20, None, frozenset(), True, Deadline(_WARMING_MS))
    for question in (graph.restrictions, graph.followed, partial(graph.gone, content_ids=content_ids)):
        with suppress(EntourageError):
            question(request, deadline_ms=_WARMING_MS)


def warm_model(served: ServedModel, user_id: str) -> None:
    """Ask a model for a known user and for a newcomer, about whom it asks Neo4j, so that no first feed is late.

    It also places new contents, so that the first feeds of every worker hold them.
    """
    request = Request("warming", user_id, 20, None, frozenset(), True, Deadline(_WARMING_MS))
    if served.new_contents:
        served.new_contents.stock()
    for question in (partial(served.best, request), partial(served.best_for_newcomer, request, _WARMING_MS)):
        with suppress(EntourageError):
            question()


def warm_writes(graph: Graph, snapshot: Snapshot) -> None:
    """Rehearse an event of each kind and a change of the catalogue, so that the first real ones need not wait either.

    Nothing changes. By somebody who is not there, about those that the fewest others watch and follow, since what is
    written is locked for a moment. Does nothing without people or contents.
    """
    if not len(snapshot.users) or not len(snapshot.contents):
        return
    now, person = datetime.now(UTC), "rehearsed"
    content = str(snapshot.contents.ids[_fewest(snapshot.watched, len(snapshot.contents))])
    other = str(snapshot.users.ids[_fewest(snapshot.follows, len(snapshot.users))])
    happened = [
        Entry("", f"rehearsed-{kind}-{time}", kind, person, content, milliseconds(now))
        for kind in KINDS
        for time in range(_TIMES)
    ]
    happened = [one._replace(target=other) if one.about_person else one for one in happened if one.kind != IMPRESSION]
    changes = [Change(content, {}), Change(content, {}, taken_down=True), Change(schema.USER_PREFIX + person, {})]
    with suppress(EntourageError):
        rehearse(graph, happened, changes, now=now, deadline_ms=_WARMING_MS)


def _fewest(edges: Edges, targets: int) -> int:
    """The target of the fewest edges."""
    return int(np.argmin(np.bincount(edges.target, minlength=targets)))


def read_ahead(snapshot: Snapshot) -> None:
    """Read now what every request needs: the first must not wait for it, nor find the folder replaced meanwhile."""
    for nodes in (snapshot.users, snapshot.contents):
        "" in nodes  # noqa: B015 - makes what ids are looked up in
    _ = snapshot.kinds
