"""What people do, written into the graph as it happens: at least once on the way, counted once on arrival.

Every event carries an id; the graph remembers the ids it has counted (``Event`` nodes, see ``forget``), so that a
batch sent twice changes nothing. Watches, likes, comments and shares are folded so that their order does not matter;
for the others (follow and unfollow …) the order of the list is kept.

``Content.trend`` is the logarithm of a forward-decayed count of watches (Cormode et al., "Forward decay", ICDE 2009):
each watch adds ``exp(pulse)``, where ``pulse`` grows with its time, by ln 2 every ``HALF_LIFE_MS``. Newer watches weigh
more without anything ever being aged, so that an index on the property is a list of what trends, in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from graph import schema
from graph.database.driver import Graph

__all__ = ["HALF_LIFE_MS", "MAX_ID", "Applied", "Event", "Kind", "apply", "forget", "pulse"]

Kind = Literal["watch", "like", "comment", "share", "follow", "unfollow", "block", "unblock", "hide", "unhide"]

HALF_LIFE_MS: Final = 3 * 24 * 3_600_000
"""A watch weighs half as much for what trends after three days."""

MAX_ID: Final = 200
"""Characters of the longest id."""

_ENGAGING: Final = ("watch", "like", "comment", "share")
_ABOUT_PEOPLE: Final = ("follow", "unfollow", "block", "unblock")
_BY_PAIR: Final = (*_ABOUT_PEOPLE, "hide", "unhide")
"""Kinds that undo one another when they are about the same pair."""
_BATCH: Final = 1_000
_FORGET_BATCH: Final = 10_000

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID)]


class Event(BaseModel):
    """One thing that one person did."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id
    """Given by whoever saw it happen; the same id counts once."""
    kind: Kind
    user_id: Id
    """Bare. A person nobody knows yet becomes known by doing something."""
    at: AwareDatetime
    content_id: Id | None = None
    """Prefixed ("keaks/123"); for watch, like, comment, share, hide and unhide."""
    target_id: Id | None = None
    """The other person's bare id; for follow, unfollow, block and unblock."""
    progress: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """The share that was watched; only for watch."""

    @model_validator(mode="after")
    def _is_whole(self) -> Event:
        if self.kind in _ABOUT_PEOPLE:
            if not self.target_id or self.content_id:
                raise ValueError(f"a {self.kind} event needs target_id, and no content_id")
            if self.target_id == self.user_id:
                raise ValueError(f"nobody can {self.kind} themselves")
        else:
            if not self.content_id or self.target_id:
                raise ValueError(f"a {self.kind} event needs content_id, and no target_id")
            if not self.content_id.startswith((schema.KEAK_PREFIX, schema.BEAT_PREFIX)):
                raise ValueError(f"content_id begins with {schema.KEAK_PREFIX} or {schema.BEAT_PREFIX}")
        if self.progress is not None and self.kind != "watch":
            raise ValueError("only a watch event has progress")
        return self


@dataclass(frozen=True)
class Applied:
    """What became of a list of events."""

    applied: int
    repeated: int
    """Counted before, or twice in the list."""
    unknown: tuple[str, ...]
    """Ids of the events about a content or a person that nobody knows; send them again once these are there."""


def apply(graph: Graph, events: Iterable[Event], *, deadline_ms: int = 0, request_id: str | None = None) -> Applied:
    """Write the events into the graph, in batches; each batch of one kind is whole or not there at all.

    ``deadline_ms`` is of each batch, 0 for ever. When it fails midway, send the whole list again. Raises GraphTimeout,
    GraphUnavailable and the other graph errors.
    """
    received = list(events)
    distinct: dict[str, Event] = {}
    for event in received:
        distinct.setdefault(event.event_id, event)
    applied = 0
    unknown: list[str] = []
    for query, batch in _batches(distinct.values()):
        rows = [_row(event) for event in batch]
        answer = graph.write(f"events/{query}", deadline_ms=deadline_ms, request_id=request_id, rows=rows)
        found = {row["eventId"] for row in answer}
        applied += sum(row["applied"] for row in answer)
        unknown += [event.event_id for event in batch if event.event_id not in found]
    return Applied(applied, len(received) - applied - len(unknown), tuple(unknown))


def forget(graph: Graph, before: datetime) -> int:
    """Forget the ids of the events that happened before ``before``, when nobody will send them again; their number."""
    total = 0
    while True:
        answer = graph.write("events/forget", deadline_ms=0, before=_milliseconds(before), limit=_FORGET_BATCH)
        forgotten = int(answer[0]["forgotten"])
        total += forgotten
        if forgotten < _FORGET_BATCH:
            return total


def pulse(milliseconds: int) -> float:
    """The logarithm of the weight that a watch at this time (ms since 1970) has in ``Content.trend``."""
    return milliseconds / HALF_LIFE_MS * math.log(2)


def _batches(events: Iterable[Event]) -> Iterator[tuple[str, Sequence[Event]]]:
    """Batches by query, as large as may be; what undoes each other goes in different batches, in the list's order."""
    waiting: dict[str, list[Event]] = {}
    last: dict[tuple[str, ...], str] = {}
    for event in events:
        query = "watch" if event.kind in _ENGAGING else event.kind
        pair = tuple(sorted((event.user_id, event.content_id or event.target_id or "")))
        undoes = query in _BY_PAIR and last.get(pair, query) != query
        if undoes or len(waiting.get(query, ())) >= _BATCH:
            yield from waiting.items()
            waiting, last = {}, {}
        if query in _BY_PAIR:
            last[pair] = query
        waiting.setdefault(query, []).append(event)
    yield from waiting.items()


def _row(event: Event) -> dict[str, Any]:
    at = _milliseconds(event.at)
    row: dict[str, Any] = {"eventId": event.event_id, "at": at, "userId": event.user_id}
    if event.kind in _ABOUT_PEOPLE:
        return row | {"targetId": event.target_id}
    row["contentId"] = event.content_id
    if event.kind in _ENGAGING:
        row |= {
            "watches": int(event.kind == "watch"),
            "progress": event.progress,
            "liked": event.kind == "like",
            "commented": event.kind == "comment",
            "shared": event.kind == "share",
            "pulse": pulse(at),
        }
    return row


def _milliseconds(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)
