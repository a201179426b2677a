"""What a person must not be shown: people blocked on either side and contents hidden or seen, also without Neo4j.

The outbox keeps what the service was told until a snapshot holds it, so that it counts for answers from a snapshot that
is older. `Blocks` adds the blocks that others wrote into Neo4j.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from graph.events import Entry, Outbox
from recommend.journey import Journey
from recommend.questions import Questions
from recommend.request import Request

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["Blocks", "Recent", "Restrictions", "by_now"]

_log: Final = logging.getLogger("entourage.recommend")
_CALM_S: Final = 30.0
_SEEN: Final = ("watch", "like", "comment", "share")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Restrictions:
    """What one person must not be shown."""

    blocked: frozenset[str] = frozenset()
    """Bare ids of people whom they blocked or who blocked them."""
    hidden: frozenset[str] = frozenset()
    """Prefixed content ids."""
    seen: frozenset[str] = frozenset()
    """Prefixed ids of contents that they watched, liked, commented on or shared."""
    follows: int | None = None
    """How many people they follow, where Neo4j told."""
    taken_down: frozenset[str] = frozenset()
    """Those of ``hidden`` whose take-down is not in the graph yet."""


_NONE: Final = Restrictions()


@dataclass(frozen=True)
class Recent:
    """What the outbox says of people. Safe to share between threads and processes."""

    outbox: Outbox

    def with_recent(self, known: Restrictions, user_id: str) -> Restrictions:
        """``known`` of somebody, and what was added since; ``known`` alone where the outbox cannot be read.

        What was taken back is not removed from ``known``: it stays hidden until a newer snapshot comes.
        """
        try:
            told = _of(self.outbox.about(user_id), user_id, self.outbox.blocks(user_id))
        except (OSError, sqlite3.Error) as error:
            _log.error("the outbox cannot be read: %s", error)
            return known
        return replace(
            known,
            blocked=known.blocked | told.blocked,
            hidden=known.hidden | told.hidden,
            seen=known.seen | told.seen,
        )

    def waiting(self, user_id: str) -> Restrictions:
        """What was accepted and is not in the graph yet; nothing where the outbox cannot be read.

        Contents whose take-down waits are among the hidden ones.
        """
        try:
            told = self.outbox.about(user_id, waiting=True)
            gone = self.outbox.changes.waiting_take_downs()
        except (OSError, sqlite3.Error) as error:
            _log.error("the outbox cannot be read: %s", error)
            return _NONE
        restrictions = _of(told, user_id) if told else _NONE
        if gone:
            restrictions = replace(restrictions, hidden=restrictions.hidden | gone, taken_down=frozenset(gone))
        return restrictions

    def taken_down(self) -> Mapping[str, bool]:
        """Content id → whether it is taken down, of what was said since the snapshot; the same until that changes.

        Nothing where the outbox cannot be read.
        """
        return _read(self.outbox.changes.taken_down)

    def private(self) -> Mapping[str, bool]:
        """Bare user id → whether the person is private, of what was said since the snapshot, as `taken_down`."""
        return _read(self.outbox.changes.private)

    def standing(self) -> tuple[set[Pair], set[Pair], set[Pair]]:
        """Who blocks whom, hid what and has seen what, of all that is remembered.

        Raises sqlite3.Error when the outbox cannot be read.
        """
        blocked, hidden, seen = _standing(self.outbox.restricting())
        return blocked | self.outbox.blocks(), hidden, seen


def by_now(
    asked: Future[Restrictions] | None,
    questions: Questions,
    recent: Recent,
    request: Request,
    journey: Journey,
    share: float,
) -> Restrictions:
    """What the reader of a feed must not be shown: the answer of Neo4j, if asked, and what the outbox adds.

    Neo4j is waited for until ``share`` of the deadline; the journey says ``restrictions`` where nothing came in time,
    and the outbox counts even then.
    """
    known = None
    if asked:
        known = questions.in_time(asked, "restrictions", journey, request.deadline.left_ms(share))
    return recent.with_recent(known or Restrictions(), request.user_id)


class Blocks:
    """Brings ``outbox`` up to date with the blocks that stand in Neo4j, whoever wrote them there."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._known: tuple[int | None, str | None] = (None, None)
        self._asked = -_CALM_S

    def refresh(self, graph: Graph, mark: str | None) -> None:
        """Ask Neo4j for the blocks where their number, which costs it nothing, or ``mark`` is another than last time.

        ``mark`` is `graph.live.ledger.State.mark`: another one after others wrote, such as an import, during which the
        blocks are asked for every half minute. Raises like ``Graph.read``, and sqlite3.Error or OSError when the file
        cannot be used.
        """
        known = graph.read("filters/count_blocks")[0]["count"], mark
        if known == self._known or (known[0] == self._known[0] and time.monotonic() < self._asked + _CALM_S):
            return
        rows = graph.read("filters/blocks", deadline_ms=0)
        self.outbox.keep_blocks({(row["source"], row["target"]) for row in rows})
        self._known, self._asked = known, time.monotonic()


def _read(marks: Callable[[], Mapping[str, bool]]) -> Mapping[str, bool]:
    """Marks of the outbox; none where it cannot be read."""
    try:
        return marks()
    except (OSError, sqlite3.Error) as error:
        _log.error("the outbox cannot be read: %s", error)
        return {}


def _of(told: Iterable[Entry], user_id: str, blocks: Iterable[Pair] = ()) -> Restrictions:
    blocked, hidden, seen = _standing(told)
    return Restrictions(
        frozenset(two if one == user_id else one for one, two in blocked.union(blocks)),
        frozenset(content for user, content in hidden if user == user_id),
        frozenset(content for user, content in seen if user == user_id),
    )


def _standing(told: Iterable[Entry]) -> tuple[set[Pair], set[Pair], set[Pair]]:
    """Who blocks whom, hid what and has seen what: of two events the later counts, of the same time what takes back."""
    last: dict[tuple[str, Pair], tuple[int, bool]] = {}
    seen: set[Pair] = set()
    for one in told:
        pair = one.user_id, one.target
        if one.kind in _SEEN:
            seen.add(pair)
            continue
        taken_back = one.kind.startswith("un")
        key = one.kind.removeprefix("un"), pair
        last[key] = max(last.get(key, (one.at, taken_back)), (one.at, taken_back))
    holds = [key for key, (_, taken_back) in last.items() if not taken_back]
    blocked, hidden = ({pair for kind, pair in holds if kind == wanted} for wanted in ("block", "hide"))
    return blocked, hidden, seen
