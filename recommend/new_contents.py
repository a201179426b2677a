"""A source of contents that came after the training: the model places them by their neighbours in the graph."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from graph import schema
from graph.errors import GraphError
from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY, newest_watch
from recommend.request import Request
from recommend.sources import MODEL, Candidate, Source, knows
from recommenders.core.recommender import NewContent, Placed, Recommender
from recommenders.core.top_k import Ints

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["NEW_CONTENTS", "NewContents"]

NEW_CONTENTS: Final = Source("new_contents", "model", MODEL.weight)
"""Weighted like the model source; its items keep the rank that they would have in the model's full catalogue."""

CREATED: Final[Mapping[str, Any]] = {"scanned": 5_000}
SURROUNDINGS: Final[Mapping[str, Any]] = {"people": 100, "names": 20}
"""The caps of the two queries."""

_MOST: Final = 500
"""Most contents that are placed, the newest ones."""
_FRESH_S: Final = 60.0
"""Seconds after which the graph is queried for newer contents."""
_PATIENCE_MS: Final = 10_000
_STOCK_S: Final = 5.0
_SLACK_MS: Final = 7 * DAY
"""How long before the model's newest watch contents are searched for: they may have reached the graph later."""

#: Column of the query → relationship type, and the label at its other end.
_NEAR: Final[Mapping[str, tuple[str, str]]] = {
    "watched": (schema.WATCHED, schema.USER),
    "made": (schema.MADE, schema.USER),
    "uses": (schema.USES, schema.CONTENT),
    "genres": (schema.HAS_GENRE, schema.GENRE),
    "moods": (schema.HAS_MOOD, schema.MOOD),
    "hashtags": (schema.TAGGED, schema.HASHTAG),
}


@dataclass(frozen=True)
class _Shelf:
    """The new contents of one query."""

    ids: Sequence[str]
    kinds: Sequence[str]
    placed: Placed


class NewContents:
    """Proposes contents that the model's snapshot does not know, to people whom it knows.

    The graph is queried once a minute, in a thread of its own, so that no request waits; until it answers, the contents
    of the last query are used. What is published through the service is told by `add`. Safe to share between threads.
    """

    def __init__(self, model: Recommender, graph: Graph) -> None:
        self._model, self._graph = model, graph
        self._able = model.place([]) is not None
        self._shelf: _Shelf | None = None
        self._due = 0.0
        self._asking = Lock()

    def ask(self, source: Source, request: Request) -> list[Candidate]:
        """The new contents that the model would rank among its best for the user.

        Empty if the user is unknown or the model cannot place new contents.
        """
        snapshot = self._model.snapshot
        if not self._able or not knows(snapshot, request.user_id):
            return []
        if time.monotonic() > self._due and self._asking.acquire(blocking=False):
            self._due = time.monotonic() + _FRESH_S
            self._thread.submit(self._restock_and_release)
        shelf = self._shelf
        user = int(snapshot.users.nids([request.user_id])[0])
        if shelf is None or not shelf.ids or not shelf.placed.users[user].any():
            return []
        watched = snapshot.watched
        seen = watched.target[watched.indptr[user] : watched.indptr[user + 1]].astype(np.int64)
        most = 2 * request.pool
        scores, above = shelf.placed.scores(user), shelf.placed.above(user, seen, most)
        wanted = [n for n, kind in enumerate(shelf.kinds) if request.kind in (None, kind) and above[n] < most]
        best = sorted(wanted, key=lambda n: -scores[n])
        return [Candidate(shelf.ids[n], float(scores[n]), rank=int(above[n]) + k) for k, n in enumerate(best)]

    def stock(self) -> None:
        """Place the new contents before the first feed asks; waits for at most five seconds, and goes on afterwards."""
        if self._able and self._asking.acquire(blocking=False):
            self._due = time.monotonic() + _FRESH_S
            with suppress(TimeoutError):
                self._thread.submit(self._restock_and_release).result(_STOCK_S)

    def restock(self) -> None:
        """Query the graph and place the new contents. Raises the errors of `Graph.read`."""
        snapshot, now = self._model.snapshot, int(1000 * time.time())
        span: dict[str, Any] = {"since": min(self._newest, now) - _SLACK_MS, "until": now + DAY}
        (created,) = self._graph.read("lookup/created", deadline_ms=_PATIENCE_MS, **span, **CREATED)
        new = [content_id for content_id in created["contentIds"] if content_id not in snapshot.contents][:_MOST]
        self._shelf = self._placed(new)

    def _placed(self, content_ids: Sequence[str]) -> _Shelf:
        """Place the contents with a neighbour that the model knows, as the graph has them by now."""
        rows = self._graph.read(
            "lookup/surroundings", deadline_ms=_PATIENCE_MS, contentIds=list(content_ids), **SURROUNDINGS
        )
        known = [(row, content) for row in rows if (content := _described(self._model.snapshot, row))]
        placed = self._model.place([content for _, content in known])
        assert placed is not None
        return _Shelf([row["contentId"] for row, _ in known], [row["kind"] for row, _ in known], placed)

    def add(self, content_ids: Sequence[str]) -> None:
        """Place these at once, in the background. Where that fails, the next `restock` places them."""
        new = [content_id for content_id in content_ids if content_id not in self._model.snapshot.contents]
        if self._able and new:
            self._thread.submit(self._place_more, new)

    def _place_more(self, content_ids: Sequence[str]) -> None:
        with suppress(GraphError):
            fresh, shelf = self._placed(content_ids), self._shelf
            if shelf is not None:
                left = [n for n, content_id in enumerate(shelf.ids) if content_id not in fresh.ids]
                left = left[: max(0, _MOST - len(fresh.ids))]
                vectors = np.concatenate((fresh.placed.contents, shelf.placed.contents[left]))
                fresh = _Shelf(
                    [*fresh.ids, *(shelf.ids[n] for n in left)],
                    [*fresh.kinds, *(shelf.kinds[n] for n in left)],
                    replace(fresh.placed, contents=vectors),
                )
            self._shelf = fresh

    def _restock_and_release(self) -> None:
        try:
            self.restock()
        except GraphError:
            pass  # the last contents stay, and the next try is a minute later
        finally:
            self._asking.release()

    @cached_property
    def _newest(self) -> int:
        return newest_watch(self._model.snapshot) or 0

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="new-contents")


def _described(snapshot: Snapshot, row: Mapping[str, Any]) -> NewContent | None:
    """A row of the query for the model; None for a content around which there is nobody and nothing."""
    near: dict[str, Ints] = {
        type_: snapshot.nodes[label].known(row[column]) for column, (type_, label) in _NEAR.items()
    }
    if not any(map(np.size, near.values())):
        return None
    return NewContent({**row["properties"], "kind": row["kind"]}, near)
