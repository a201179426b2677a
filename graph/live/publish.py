"""Changes of the catalogue from the outbox into the graph, as `graph.live.drain` brings events there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from graph.catalogue.changes import Changes, Kept, Status
from graph.database.driver import Graph
from graph.errors import GraphAuthError, GraphError, GraphTimeout, GraphUnavailable
from graph.events.event import milliseconds
from graph.live import record
from graph.live.drain import unknown
from graph.live.ledger import Ledger

__all__ = ["publish", "publish_due"]

_log: Final = logging.getLogger("entourage.catalogue")
_BATCH: Final = 200
"""The most changes at a time."""


def publish(
    graph: Graph,
    ledger: Ledger,
    changes: Changes,
    seqs: Sequence[int],
    *,
    now: datetime,
    deadline_ms: int,
    waits: timedelta,
    request_id: str | None = None,
) -> None:
    """Write the changes with these numbers into the graph. Raises GraphTimeout and the other graph errors."""
    with ledger.turn(deadline_ms / 1_000):
        waiting = [one for one in changes.those(seqs).values() if one.status == "waiting"]
        if waiting:
            _write(graph, ledger, changes, waiting, now, deadline_ms, waits, request_id)


def publish_due(
    graph: Graph, ledger: Ledger, changes: Changes, *, now: datetime, deadline_ms: int, waits: timedelta
) -> int:
    """Write the changes that are due, at most two hundred; their number. Raises as `publish`."""
    with ledger.turn(deadline_ms / 1_000):
        kept = changes.due(milliseconds(now), _BATCH)
        if kept:
            _write(graph, ledger, changes, kept, now, deadline_ms, waits, None)
        return len(kept)


def _write(
    graph: Graph,
    ledger: Ledger,
    changes: Changes,
    kept: Sequence[Kept],
    now: datetime,
    deadline_ms: int,
    waits: timedelta,
    request_id: str | None,
) -> None:
    """Write them all; where the graph refuses some, each alone, and reject those."""
    at = milliseconds(now)
    try:
        done = record.change(
            graph, ledger, [one.change for one in kept], now=now, deadline_ms=deadline_ms, request_id=request_id
        )
    except (GraphTimeout, GraphUnavailable, GraphAuthError):
        raise
    except GraphError as error:
        if len(kept) > 1:
            for one in kept:
                _write(graph, ledger, changes, [one], now, deadline_ms, waits, request_id)
            return
        _log.error("the graph refuses the change of %s: %s", kept[0].change.target, error)
        changes.settle([(kept[0].seq, "rejected", "the graph refused it", 0)], at)
        return
    told: list[tuple[int, Status, str | None, int]] = []
    for one, written in zip(kept, done, strict=True):
        missing = one.change.target if one.change.taken_down else "a beat that it uses"
        told.append((one.seq, "applied", None, 0) if written else unknown(one.seq, one.received, missing, at, waits))
    changes.settle(told, at)
