"""Events and changes into the graph, and what it holds of them then into the ledger, so that every view follows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final, cast

from graph import events, schema
from graph.catalogue.changes import Change
from graph.catalogue.write import write
from graph.database.driver import Graph, Row
from graph.errors import GraphError, GraphTimeout
from graph.events.event import Entry, milliseconds
from graph.live.facts import ContentNow, Fact, Pair, PersonNow
from graph.live.ledger import Ledger, State

__all__ = ["apply", "change", "check", "checked", "forget", "rehearse"]

_log: Final = logging.getLogger("entourage.events")
_CHECK_MS: Final = 1_000
_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.05
_BATCH: Final = 1_000


class _Counting:
    """A graph that counts the transactions by which it was changed."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.changes = 0

    def write(self, name: str, /, **params: Any) -> list[Row]:
        rows, changed = self._graph.write_and_tell(name, **params)
        self.changes += changed
        return rows

    def read(self, name: str, /, **params: Any) -> list[Row]:
        return self._graph.read(name, **params)

    @contextmanager
    def told_where_it_fails(self, ledger: Ledger, facts: Callable[[], Sequence[Fact]]) -> Iterator[None]:
        """Where the block fails after it has written, record what the graph holds then: ``facts`` asks for it."""
        try:
            yield
        except GraphError:
            if self.changes:
                with suppress(GraphError):
                    ledger.record(facts(), self.changes, self._graph.transaction())
            raise


class _TakenBack:
    """A graph whose writes are taken back."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.read = graph.read

    def write(self, name: str, /, **params: Any) -> list[Row]:
        try:
            return self._graph.rehearse(name, **params)
        except GraphError as error:  # such as a real write in the way: the others are rehearsed all the same
            _log.info("%s was not rehearsed: %s", name, error)
            return [{"told": []}]


def apply(
    graph: Graph,
    ledger: Ledger,
    happened: Sequence[Entry],
    *,
    now: datetime,
    deadline_ms: int,
    request_id: str | None = None,
) -> tuple[events.Outcome, ...]:
    """As `graph.events.apply`; where it fails midway, what was written until then is recorded all the same.

    Only in one's turn (`Ledger.turn`): the ledger tells which transactions are our own. Where Neo4j does not tell what
    it holds then, or whether it wrote, the ledger's mark changes: views are then read anew.
    """
    counting = _Counting(graph)
    with counting.told_where_it_fails(ledger, lambda: _now(graph, happened)):
        done = events.apply(cast("Graph", counting), happened, now=now, deadline_ms=deadline_ms, request_id=request_id)
    pairs = _now(graph, [entry for entry, what in zip(happened, done, strict=True) if what != "unknown"])
    ledger.record(pairs, counting.changes, graph.transaction())
    return done


def change(
    graph: Graph,
    ledger: Ledger,
    changes: Sequence[Change],
    *,
    now: datetime,
    deadline_ms: int,
    request_id: str | None = None,
) -> list[bool]:
    """Do what `graph.catalogue.write.write` does, and record it as `apply` does."""
    counting = _Counting(graph)
    at = milliseconds(now)
    with counting.told_where_it_fails(ledger, lambda: _changed(graph, [one.target for one in changes])):
        done = write(counting, changes, now=at, deadline_ms=deadline_ms, request_id=request_id)
    facts = _changed(graph, [one.target for one, written in zip(changes, done, strict=True) if written])
    ledger.record(facts, counting.changes, graph.transaction())
    return done


def rehearse(
    graph: Graph, happened: Sequence[Entry], changes: Sequence[Change], *, now: datetime, deadline_ms: int
) -> None:
    """Ask Neo4j every query of `apply` and `change` once, so that it has planned them, and take back what each wrote.

    ``deadline_ms`` is of each query. Raises the graph errors of those that only read.
    """
    unchanged = _TakenBack(graph)
    events.apply(cast("Graph", unchanged), happened, now=now, deadline_ms=deadline_ms)
    write(unchanged, changes, now=milliseconds(now), deadline_ms=deadline_ms)
    _now(graph, happened)
    _changed(graph, [one.target for one in changes])
    graph.transaction()


def forget(graph: Graph, ledger: Ledger, now: datetime) -> int:
    """Do what `graph.events.forget` does, in one's turn."""
    with ledger.turn(_PATIENCE_S):
        counting = _Counting(graph)
        forgotten = events.forget(cast("Graph", counting), now)
        ledger.record([], counting.changes, graph.transaction())
    return forgotten


def check(graph: Graph, ledger: Ledger) -> State:
    """Compare the graph's last transaction with the ledger, unless events are just being written.

    Neo4j is asked outside of one's turn, so that nobody waits for one that hangs.
    """
    before = ledger.state()
    last = graph.transaction(deadline_ms=_CHECK_MS)
    with suppress(GraphTimeout), ledger.turn(0.0):
        if ledger.state().own == before.own:
            ledger.record([], 0, last)
    return ledger.state()


def checked(graph: Graph, ledger: Ledger) -> State:
    """Do what `check` does, again and again until it could compare or half a minute is over."""
    began = time.time()
    while True:
        state = check(graph, ledger)
        if state.checked >= began or time.time() > began + _PATIENCE_S:
            return state
        time.sleep(_PAUSE_S)


def _changed(graph: Graph, ids: Sequence[str]) -> list[Fact]:
    """The graph's facts of all people and contents that changes were about."""
    people = [one.removeprefix(schema.USER_PREFIX) for one in ids if one.startswith(schema.USER_PREFIX)]
    contents = [one for one in ids if not one.startswith(schema.USER_PREFIX)]
    facts: list[Fact] = []
    if people:
        facts += [PersonNow(**one) for one in graph.read("lookup/people_now", ids=people)[0]["people"]]
    if contents:
        facts += [ContentNow(**one) for one in graph.read("lookup/contents_now", ids=contents)[0]["contents"]]
    return facts


def _now(graph: Graph, happened: Iterable[Entry]) -> list[Pair]:
    """The graph's facts of all pairs that events were about."""
    watches: dict[tuple[str, str], None] = {}
    follows: dict[tuple[str, str], None] = {}
    for one in happened:
        if one.about_person:
            follows |= {(one.user_id, one.target): None, (one.target, one.user_id): None}
        else:
            watches[one.user_id, one.target] = None
    pairs = []
    for name, people, wanted in (("watches", False, [*watches]), ("follows", True, [*follows])):
        for start in range(0, len(wanted), _BATCH):
            told = graph.read(f"lookup/{name}_now", rows=[list(pair) for pair in wanted[start : start + _BATCH]])
            pairs += [Pair(people=people, **pair) for pair in told[0]["pairs"]]
    return pairs
