"""What a service does before anybody waits for it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final

from graph.errors import EntourageError
from graph.snapshot import Snapshot
from recommend.service import FeedService

__all__ = ["read_ahead", "warm"]

_WARMING_MS: Final = 10_000


def warm(feeds: FeedService, user_id: str) -> None:
    """Ask it everything once before it serves: the first person must not wait for Neo4j to plan its queries."""
    for question in (partial(feeds.recommend, deadline_ms=_WARMING_MS), feeds.neighbourhood, feeds.people):
        with suppress(EntourageError):
            question(user_id)


def read_ahead(snapshot: Snapshot) -> None:
    """Read now what every request needs: the first must not wait for it, nor find the folder replaced meanwhile."""
    for nodes in (snapshot.users, snapshot.contents):
        "" in nodes  # noqa: B015 - makes what ids are looked up in
    _ = snapshot.kinds
