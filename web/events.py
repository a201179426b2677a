"""What people just did: on disk before the answer leaves, in the graph as soon as it can be; and what became of it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import ValidationError

from graph import events
from graph.errors import EntourageError
from graph.events import IMPRESSION, Entry, feedback, milliseconds
from graph.live import record
from web import admission, logs, metrics
from web import event_schemas as schemas
from web.problems import FieldError, Problem, documented
from web.serving import Serving, serving

__all__ = ["CLOCK", "blueprint", "forget_old", "keep_forgetting"]

_FORGET_S: Final = 3_600.0
"""Time between two searches for events to forget."""
_MARGIN: Final = timedelta(hours=1)
"""How long what a new snapshot holds is kept, for workers that still answer from the older one."""
CLOCK: Final = "entourage.clock"
"""The extension of the app that tells the time: a function without arguments. Without it, the machine's clock."""

blueprint: Final = APIBlueprint(
    "events",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="Events", description="What people just did.")],
    abp_responses=documented(413, 422, 429, 500, 503, 504),
)


@blueprint.post(
    "/events",
    operation_id="events",
    description="Watches, likes, comments, shares, follows, blocks and hides, and what takes them back; also what "
    "people were shown (`impression`). With the `context` of an item of a feed it is known what led to an event. "
    "What is accepted is on disk when the answer comes, also while the graph is down, and counts once. The "
    "answer has a status for each event; it is 422 when all of them were refused. An event id of a producer "
    "counts once for 30 days, so a batch whose answer got lost may be sent again. As `application/x-ndjson` "
    "the body has an event on each line, up to 10,000; each is judged alone, and the answer names those that "
    "are refused.",
    responses={200: schemas.EventsAccepted},
)
def accept(header: schemas.Headers, body: schemas.EventBatch) -> dict[str, Any]:
    """What people did"""
    now = _now()
    return _accepted(body.events, [_checked(raw, place, header.producer, now) for place, raw in enumerate(body.events)])


@blueprint.get(
    "/events/<id:event_id>",
    operation_id="event",
    description="Of an event that was accepted in the last 30 days. `X-Producer` names whose id it is.",
    responses={200: schemas.EventStatus, **documented(404)},
)
def became(header: schemas.Headers, path: schemas.EventPath) -> dict[str, Any]:
    """What became of an event"""
    held = serving()
    about: dict[str, Any] = {"event_id": path.event_id, "producer": header.producer}
    try:
        kept = held.outbox.find(header.producer, path.event_id)
    except (OSError, sqlite3.Error) as error:
        logs.log.error("the outbox cannot be used", error=str(error))
        raise Problem("unavailable", "The file of the latest events cannot be read now. Ask again later.") from error
    if kept:
        status = "applied" if kept.status == "repeated" else kept.status
        return about | {"status": status, "reason": kept.reason, "received_at": utc(kept.received)}
    graph = held.feeds.graph
    if not graph or not held.graph_up:
        raise Problem("unavailable", "The graph database, which knows the ids of older events, does not answer.")
    keys: Any = {"producer": header.producer, "eventId": path.event_id}
    rows = held.in_time(lambda _: graph.read("lookup/event", **keys), admission.deadline().left_ms())
    if not rows:
        raise Problem("unknown-event", "No event with this id of this producer was accepted in the last 30 days.")
    return about | {"status": "applied", "reason": None, "received_at": utc(rows[0]["receivedAt"])}


def _accepted(sent: Sequence[Any], checked: Sequence[Entry | list[FieldError]]) -> dict[str, Any]:
    """Accept those that can be used, write them into the graph if it answers, and tell what became of each."""
    held, now = serving(), _now()
    good = [entry for entry in checked if isinstance(entry, Entry)]
    if not good:
        errors = [error for found in checked if isinstance(found, list) for error in found]
        raise Problem("invalid-parameter", f"{errors[0].field}: {errors[0].message}", errors)
    try:
        seqs = held.outbox.accept(good, milliseconds(now))
        accepted = [(seq, entry) for seq, entry in zip(seqs, good, strict=True) if seq is not None]
        fresh = sorted(seq for seq, _ in accepted)
        if waiting := sorted(seq for seq, entry in accepted if entry.kind != IMPRESSION):
            held.apply_now(waiting, now)
        became = held.outbox.those(fresh)
    except (OSError, sqlite3.Error) as error:
        logs.log.error("the outbox cannot be used", error=str(error))
        raise Problem("unavailable", "Events cannot be written to disk now. Send the batch again.") from error
    try:
        feedback.log(held.settings.home, (entry for _, entry in accepted), milliseconds(now))
    except OSError as error:  # the outbox has their contexts, until it forgets them
        logs.log.error("feedback cannot be logged", error=str(error))
    numbers = iter(seqs)
    counts, told = Counter[str](), list[dict[str, Any]]()
    for raw, found in zip(sent, checked, strict=True):
        event = raw.sent if isinstance(raw, schemas.Line) else raw
        sent_id = event.get("event_id") if isinstance(event, Mapping) else None
        one: dict[str, Any] = {"event_id": sent_id if isinstance(sent_id, str) else None}
        if isinstance(found, list):
            one |= {"status": "refused", "errors": [error.model_dump() for error in found]}
        elif (seq := next(numbers)) is None:
            one["status"] = "repeated"
        elif became[seq].status == "waiting":
            one |= {"status": "waiting", "reason": became[seq].reason}
        else:
            one["status"] = became[seq].status
        counts[one["status"]] += 1
        if not isinstance(raw, schemas.Line):
            told.append(one)
        elif one["status"] in ("refused", "rejected"):
            told.append(one | {"line": raw.number})
    metrics.count_events(counts)
    return {
        "request_id": logs.request_id(),
        "accepted": len(good),
        **{status: counts[status] for status in ("applied", "waiting", "repeated", "refused")},
        "events": told,
    }


def keep_forgetting(held: Serving, clock: Callable[[], datetime] | None = None) -> None:
    """Forget old events and ids of counted ones, now and every hour, from a thread of its own."""

    def work() -> None:
        while True:
            forget_old(held, (clock or _machine_clock)())
            time.sleep(_FORGET_S)

    threading.Thread(target=work, name="entourage-forget", daemon=True).start()


def forget_old(held: Serving, now: datetime) -> None:
    """Forget events that the snapshot holds, and ids that were received more than 30 days ago.

    What goes wrong is logged, and the next time tries again.
    """
    snapshot, graph = held.feeds.snapshot, held.feeds.graph
    begun = snapshot.manifest.begun if snapshot else None
    held_before = None if begun is None else min(begun, milliseconds(now - _MARGIN))
    try:
        forgotten = held.outbox.forget(held_before, milliseconds(now - events.KEPT))
        if graph and held.graph_up:
            forgotten += record.forget(graph, held.ledger, now)
    except (EntourageError, OSError, sqlite3.Error) as error:
        logs.log.warning("forget", error=str(error))
        return
    if forgotten:
        logs.log.info("forget", events=forgotten)


def _checked(raw: Any, place: int, producer: str, now: datetime) -> Entry | list[FieldError]:
    """The event, or what is wrong with it."""
    name = f"events.{place}"
    if isinstance(raw, schemas.Line):
        name = f"lines.{raw.number}"
        if not raw.is_json:
            return [FieldError(field=name, location="body", message="is no JSON")]
        raw = raw.sent
    if isinstance(raw, Mapping) and raw.get("producer", "") == "":
        raw = {**raw, "producer": producer}
    try:
        return Entry.of(events.Event.model_validate(raw, context={"now": now}))
    except ValidationError as error:
        return [_field_error(found, name) for found in error.errors(include_url=False, include_context=False)]


def _field_error(found: Any, name: str) -> FieldError:
    """An error of pydantic's, without the name of the kind that its place begins with."""
    place = [str(part) for part in found["loc"]]
    if place and place[0] in events.KINDS:
        place = place[1:]
    if found["type"].startswith("union_tag"):
        place = ["kind"]
    field = ".".join([name, *place])
    return FieldError(field=field, location="body", message=found["msg"].removeprefix("Value error, "))


def utc(milliseconds_: int) -> str:
    """A time in ms since 1970 as answers write it."""
    return datetime.fromtimestamp(milliseconds_ / 1_000, UTC).isoformat(timespec="milliseconds")


def _now() -> datetime:
    clock: Callable[[], datetime] = flask.current_app.extensions.get(CLOCK, _machine_clock)
    return clock()


def _machine_clock() -> datetime:
    return datetime.now(UTC)
