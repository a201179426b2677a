"""Writes the outbox into the graph at least once; each event counts once, since the graph keeps the ids of events."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from graph.database.driver import Graph
from graph.errors import GraphAuthError, GraphError, GraphTimeout, GraphUnavailable
from graph.events.event import milliseconds
from graph.events.outbox import Kept, Outbox
from graph.live.ledger import Ledger
from graph.live.record import apply

__all__ = ["drain_due", "drain_own", "unknown"]

_log: Final = logging.getLogger("entourage.events")
_BATCH: Final = 1_000
"""The most events at a time."""
_SOONEST_MS: Final = 2_000
_LATEST_MS: Final = 600_000
"""Limits of the pause before the next try of an event that waits for its person or content: a fourth of its age."""

Later = tuple[int, Literal["waiting", "rejected"], str | None, int]


def drain_own(
    graph: Graph,
    ledger: Ledger,
    outbox: Outbox,
    own: Sequence[int],
    *,
    now: datetime,
    deadline_ms: int,
    waits: timedelta,
    request_id: str | None = None,
) -> None:
    """Write the events with these numbers, in order, into the graph, and what other requests brought since.

    Requests wait for one another's turn, so that the first writes the events of many, and the others find theirs done.
    Raises GraphTimeout and the other graph errors; what was not written waits.
    """
    end = time.monotonic() + deadline_ms / 1_000
    while (left_s := end - time.monotonic()) > 0.0:
        with ledger.turn(left_s):
            kept = outbox.fresh(own[0], _BATCH)
            if not kept or kept[0].seq > own[-1]:
                return
            _write(graph, ledger, outbox, kept, now, deadline_ms, waits, request_id)


def drain_due(
    graph: Graph, ledger: Ledger, outbox: Outbox, *, now: datetime, deadline_ms: int, waits: timedelta
) -> int:
    """Write the events that are due, the oldest first, at most a thousand; their number. Raises as `drain_own`."""
    with ledger.turn(deadline_ms / 1_000):
        kept = outbox.due(milliseconds(now), _BATCH)
        if kept:
            _write(graph, ledger, outbox, kept, now, deadline_ms, waits, None)
        return len(kept)


def _write(
    graph: Graph,
    ledger: Ledger,
    outbox: Outbox,
    kept: Sequence[Kept],
    now: datetime,
    deadline_ms: int,
    waits: timedelta,
    request_id: str | None,
) -> None:
    """Write them all; where the graph refuses some, halve until these are alone, and reject them."""
    try:
        done = apply(
            graph, ledger, [one.entry for one in kept], now=now, deadline_ms=deadline_ms, request_id=request_id
        )
    except (GraphTimeout, GraphUnavailable, GraphAuthError):
        raise
    except GraphError as error:
        if len(kept) == 1:
            _log.error("the graph refuses the event %s: %s", kept[0].entry.event_id, error)
            outbox.settle([(kept[0].seq, "rejected", "the graph refused it", 0)], milliseconds(now))
            return
        middle = len(kept) // 2
        for half in (kept[:middle], kept[middle:]):
            _write(graph, ledger, outbox, half, now, deadline_ms, waits, request_id)
        return
    told = [
        unknown(one.seq, one.received, one.entry.target, milliseconds(now), waits)
        if outcome == "unknown"
        else (one.seq, outcome, None, 0)
        for one, outcome in zip(kept, done, strict=True)
    ]
    outbox.settle(told, milliseconds(now))


def unknown(seq: int, received: int, missing: str, now: int, waits: timedelta) -> Later:
    """What becomes of an event or a change that names something unknown to the graph: it waits, for ``waits`` at most.

    ``missing`` is what the graph does not have, for the message; ``received`` and ``now`` are ms since 1970.
    """
    age, longest = now - received, waits // timedelta(milliseconds=1)
    if age >= longest:
        return seq, "rejected", f"{missing} was not in the graph within {waits / timedelta(hours=1):g} hours", 0
    wait = min(max(_SOONEST_MS, age // 4), _LATEST_MS, longest - age)
    return seq, "waiting", f"{missing} is not in the graph yet", now + wait
