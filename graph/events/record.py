"""Write events into the graph. An event may be sent more than once and is counted once.

Every event has an id of its producer. The graph keeps the ids of counted events (``Event`` nodes, see `forget`), so a
batch that is sent twice changes nothing. The order of arrival changes nothing either: the result depends on the events'
own times (graph/load/watch.py, docs/cypher.md), and an event never undoes something that happened later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from graph.database.driver import Graph
from graph.events.event import IMPRESSION, Entry, Event, milliseconds
from graph.load import watch

__all__ = ["KEPT", "Outcome", "apply", "forget"]

KEPT: Final = timedelta(days=30)
"""How long the id of an event is kept after it was received."""

#: Kind → the query that writes it. All others have one called like the kind.
_QUERIES: Final = {
    "like": "watch",
    "comment": "watch",
    "share": "watch",
    "unlike": "take_back",
    "delete_comment": "take_back",
    "unshare": "take_back",
    "unblock": "block",
}
_BATCH: Final = 1_000
_FORGET_BATCH: Final = 10_000

Outcome = Literal["applied", "repeated", "unknown"]
"""``repeated``: counted before, or twice in the list. ``unknown``: about a content or a person that nobody knows; send
it again once these are there."""


def apply(
    graph: Graph,
    events: Iterable[Event | Entry],
    *,
    now: datetime | None = None,
    deadline_ms: int = 0,
    request_id: str | None = None,
) -> tuple[Outcome, ...]:
    """Write the events into the graph, in batches, each in one transaction; return each event's outcome, in order.

    ``now``: when they were received; None is now. ``deadline_ms`` is of each batch, 0 for ever. When it fails midway,
    send the whole list again. Raises GraphTimeout, GraphUnavailable and the other graph errors.
    """
    rows = [_row(place, event) for place, event in enumerate(events)]
    outcomes: list[Outcome] = ["unknown"] * len(rows)
    received = milliseconds(now or datetime.now(UTC))
    distinct: dict[tuple[str, str], int] = {}
    for row in rows:
        distinct.setdefault((row["producer"], row["eventId"]), row["place"])
    for place in distinct.values():
        if rows[place]["kind"] == IMPRESSION:  # which the graph has no place for
            outcomes[place] = "applied"
    for query, batch in _batches([rows[place] for place in distinct.values() if rows[place]["kind"] != IMPRESSION]):
        extra: dict[str, Any] = {"most": watch.MAX_TIMES, "rate": watch.RATE} if query == "watch" else {}
        answer = graph.write(
            f"events/{query}", deadline_ms=deadline_ms, request_id=request_id, rows=batch, receivedAt=received, **extra
        )
        for place, applied in answer[0]["told"]:
            outcomes[place] = "applied" if applied else "repeated"
    for row in rows:  # the second of two with the same id
        first = distinct[row["producer"], row["eventId"]]
        if first != row["place"]:
            outcomes[row["place"]] = "unknown" if outcomes[first] == "unknown" else "repeated"
    return tuple(outcomes)


def forget(graph: Graph, now: datetime | None = None) -> int:
    """Forget the ids that were received more than 30 days before ``now``; their number."""
    before = milliseconds((now or datetime.now(UTC)) - KEPT)
    total = 0
    while True:
        answer = graph.write("events/forget", deadline_ms=0, before=before, limit=_FORGET_BATCH)
        forgotten = int(answer[0]["forgotten"])
        total += forgotten
        if forgotten < _FORGET_BATCH:
            return total


def _batches(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Batches by query. Sorted by what they are about, so that two writers take their locks in the same order."""
    by_query: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_query.setdefault(_QUERIES.get(row["kind"], row["kind"]), []).append(row)
    for query, own in sorted(by_query.items()):
        own.sort(key=lambda row: (row.get("contentId") or row["targetId"], row["userId"], row["place"]))
        for start in range(0, len(own), _BATCH):
            yield query, own[start : start + _BATCH]


def _row(place: int, event: Event | Entry) -> dict[str, Any]:
    said = Entry.of(event) if isinstance(event, Event) else event
    row: dict[str, Any] = {
        "place": place,
        "producer": said.producer,
        "eventId": said.event_id,
        "kind": said.kind,
        "userId": said.user_id,
        "at": said.at,
    }
    if said.about_person:
        return row | {"targetId": said.target}
    share = None if said.progress is None else watch.progress(said.progress)
    return row | {"contentId": said.target, "progress": share}
