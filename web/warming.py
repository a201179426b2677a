"""What a service does before anybody waits for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

from graph import schema
from graph.catalogue.changes import Change
from graph.database.driver import Graph
from graph.errors import EntourageError
from graph.events import IMPRESSION, KINDS, Entry, milliseconds
from graph.live.record import rehearse
from graph.snapshot import Snapshot
from recommend.service import FeedService

__all__ = ["read_ahead", "warm", "warm_writes"]

_WARMING_MS: Final = 10_000
_TIMES: Final = 20
"""How often each kind of event is rehearsed."""


def warm(feeds: FeedService, user_id: str) -> None:
    """Ask it everything once before it serves: the first person must not wait for Neo4j to plan its queries."""
    for question in (partial(feeds.recommend, deadline_ms=_WARMING_MS), feeds.neighbourhood, feeds.people):
        with suppress(EntourageError):
            question(user_id)


def warm_writes(graph: Graph, snapshot: Snapshot, people: list[str]) -> None:
    """Rehearse an event of each kind and a change of the catalogue, so that the first real ones need not wait either.

    Nothing changes. Does nothing with fewer than two people, or without contents.
    """
    if len(people) < 2 or not len(snapshot.contents):
        return
    now = datetime.now(UTC)
    content, (person, other, *_) = str(snapshot.contents.ids[0]), people
    happened = [
        Entry("", f"rehearsed-{kind}-{time}", kind, person, content, milliseconds(now))
        for kind in KINDS
        for time in range(_TIMES)
    ]
    happened = [one._replace(target=other) if one.about_person else one for one in happened if one.kind != IMPRESSION]
    changes = [Change(content, {}), Change(content, {}, taken_down=True), Change(schema.USER_PREFIX + person, {})]
    with suppress(EntourageError):
        rehearse(graph, happened, changes, now=now)


def read_ahead(snapshot: Snapshot) -> None:
    """Read now what every request needs: the first must not wait for it, nor find the folder replaced meanwhile."""
    for nodes in (snapshot.users, snapshot.contents):
        "" in nodes  # noqa: B015 - makes what ids are looked up in
    _ = snapshot.kinds
