"""What people just did: into the graph, so that the next feed knows; and the forgetting of old event ids."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import ValidationError

from graph import events
from graph.errors import EntourageError
from graph.events.event import AboutContent, AboutPerson, milliseconds
from graph.live import record
from recommend.restrictions import Change
from web import event_schemas as schemas
from web import logs
from web.problems import FieldError, Problem, documented
from web.serving import Serving, serving

__all__ = ["CLOCK", "blueprint", "forget_old", "keep_forgetting"]

_PATIENCE: Final = 10
"""Times the deadline of a feed: a batch may be long, and no user waits for it."""
_FORGET_S: Final = 3_600.0
"""Time between two searches for event ids to forget."""
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
    description="Watches, likes, comments, shares, follows, blocks and hides, and what takes them back. What was "
    "applied is in the graph when the answer comes. The answer has a status for each event; it is 422 when all of them "
    "were refused. An event id of a producer counts once for 30 days, so a batch whose answer got lost may be sent "
    "again.",
    responses={200: schemas.EventsApplied},
)
def apply(header: schemas.Headers, body: schemas.EventBatch) -> dict[str, Any]:
    """What people did"""
    held = serving()
    now = flask.current_app.extensions.get(CLOCK, _machine_clock)()
    checked = [_checked(raw, number, header.producer, now) for number, raw in enumerate(body.events)]
    good = [event for event in checked if isinstance(event, events.Event)]
    if not good:
        errors = [error for found in checked if isinstance(found, list) for error in found]
        raise Problem("invalid-parameter", f"{errors[0].field}: {errors[0].message}", errors)
    graph = held.feeds.graph
    if not graph or not held.graph_up:  # known already: nobody has to wait for the driver to find out again
        raise Problem(
            "unavailable", "The graph database does not answer, so nothing was counted. Send the batch again."
        )
    request_id, deadline_ms = logs.request_id(), _PATIENCE * held.settings.service.deadline_ms
    options: Any = {"now": now, "deadline_ms": deadline_ms, "request_id": request_id}
    done = held.in_time(
        lambda _: (
            record.apply(graph, held.mirror.ledger, good, **options)
            if held.mirror
            else events.apply(graph, good, **options)
        ),
        deadline_ms,
    )
    _remember(held, [event for event, outcome in zip(good, done.outcomes, strict=True) if outcome == "applied"])
    outcomes = iter(done.outcomes)
    told: list[dict[str, Any]] = []
    for raw, found in zip(body.events, checked, strict=True):
        sent = raw.get("event_id") if isinstance(raw, Mapping) else None
        one: dict[str, Any] = {"event_id": sent if isinstance(sent, str) else None}
        if isinstance(found, list):
            one |= {"status": "refused", "errors": [error.model_dump() for error in found]}
        else:
            one["status"] = next(outcomes)
        told.append(one)
    return {
        "request_id": request_id,
        "applied": done.applied,
        "repeated": done.repeated,
        "unknown": [one["event_id"] for one in told if one["status"] == "unknown"],
        "refused": len(told) - len(good),
        "events": told,
    }


def _remember(held: Serving, applied: Sequence[events.Event]) -> None:
    """Keep blocks and hides at hand for feeds from a snapshot that is older than they are."""
    changes = []
    for event in applied:
        did = event.root
        if isinstance(did, AboutPerson) and did.kind in ("block", "unblock"):
            at = milliseconds(did.at)
            changes.append(Change("blocked", did.user_id, did.target_id, did.kind == "block", at))
        elif isinstance(did, AboutContent) and did.kind in ("hide", "unhide"):
            at = milliseconds(did.at)
            changes.append(Change("hid", did.user_id, did.content_id, did.kind == "hide", at))
    try:
        held.feeds.recent.note(changes)
    except (OSError, sqlite3.Error) as error:  # the graph has them; only a feed without it would not know
        logs.log.error("recent blocks and hides cannot be kept", error=str(error))


def keep_forgetting(held: Serving, clock: Callable[[], datetime] | None = None) -> None:
    """Forget event ids that were received more than 30 days ago, now and every hour, from a thread of its own."""

    def work() -> None:
        while True:
            forget_old(held, (clock or _machine_clock)())
            time.sleep(_FORGET_S)

    threading.Thread(target=work, name="entourage-forget", daemon=True).start()


def forget_old(held: Serving, now: datetime) -> None:
    """Forget them once; what goes wrong is logged, and the next time tries again."""
    graph = held.feeds.graph
    if not graph or not held.graph_up:
        return
    try:
        forgotten = record.forget(graph, held.mirror.ledger, now) if held.mirror else events.forget(graph, now)
    except EntourageError as error:
        logs.log.warning("forget", error=str(error))
        return
    if forgotten:
        logs.log.info("forget", events=forgotten)


def _checked(raw: Any, number: int, producer: str, now: datetime) -> events.Event | list[FieldError]:
    """The event, or what is wrong with it."""
    if isinstance(raw, Mapping) and raw.get("producer", "") == "":
        raw = {**raw, "producer": producer}
    try:
        return events.Event.model_validate(raw, context={"now": now})
    except ValidationError as error:
        return [_field_error(found, number) for found in error.errors(include_url=False, include_context=False)]


def _field_error(found: Any, number: int) -> FieldError:
    """An error of pydantic's, without the name of the kind that its place begins with."""
    place = [str(part) for part in found["loc"]]
    if place and place[0] in events.KINDS:
        place = place[1:]
    if found["type"].startswith("union_tag"):
        place = ["kind"]
    field = ".".join(["events", str(number), *place])
    return FieldError(field=field, location="body", message=found["msg"].removeprefix("Value error, "))


def _machine_clock() -> datetime:
    return datetime.now(UTC)
