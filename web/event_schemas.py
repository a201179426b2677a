"""The shapes of events and of what became of them, as OpenAPI shows them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

import flask
from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, WrapValidator, model_validator
from pydantic.config import JsonDict

from graph.events import Event
from graph.events.event import Id
from web.problems import FieldError, Problem

__all__ = ["EventBatch", "EventPath", "EventStatus", "EventsAccepted", "Headers", "Line", "Outcome"]

MAX_EVENTS: Final = 1_000
MAX_LINES: Final = 10_000
_MAX_BYTES: Final = 10_000_000
_NDJSON: Final = "application/x-ndjson"

#: Documented as an event, but taken as it is: the others of a batch count where one is refused.
_Sent = Annotated[Event, WrapValidator(lambda sent, _: sent)]

_EXAMPLE: Final[JsonDict] = {
    "event_id": "5f0c",
    "kind": "watch",
    "user_id": "123",
    "content_id": "keaks/456",
    "progress": 0.8,
    "at": "2026-01-01T12:00:00Z",
}


class Line(NamedTuple):
    """A line of NDJSON."""

    number: int
    """Counted from 1, blank ones too."""
    sent: Any
    """The value of the line; None where it is no JSON."""
    is_json: bool


class EventBatch(BaseModel):
    """What people did, in any order. As NDJSON, ``events`` are the `Line`s that are not blank."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"events": [_EXAMPLE]}})

    events: list[_Sent] = Field(min_length=1, max_length=MAX_EVENTS)

    @model_validator(mode="wrap")
    @classmethod
    def _or_lines(cls, sent: Any, handler: ModelWrapValidatorHandler[EventBatch]) -> EventBatch:
        if sent is None and flask.request.mimetype == _NDJSON:
            return cls.model_construct(events=_lines())
        return handler(sent)


def _lines() -> list[Line]:
    """The lines of the request's body. Raises the problem of a body without any, or with too many."""
    flask.request.max_content_length = _MAX_BYTES
    lines = []
    for number, line in enumerate(flask.request.get_data(cache=False).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            lines.append(Line(number, json.loads(line), True))
        except (ValueError, RecursionError):
            lines.append(Line(number, None, False))
    if not lines:
        raise Problem("invalid-parameter", "body: must have an event on a line at least")
    if len(lines) > MAX_LINES:
        raise Problem("too-large", f"The body has {len(lines):,} lines; {MAX_LINES:,} are the most.")
    return lines


class Headers(BaseModel):
    """Headers of a request with events."""

    model_config = ConfigDict(populate_by_name=True)

    producer: str = Field(
        "",
        alias="X-Producer",
        max_length=500,
        description="The producer of those events that name none. Ids of two producers are never the same.",
    )


class EventPath(BaseModel):
    """Identifies an event."""

    event_id: Id = Field(description="As its producer sent it, percent-encoded as a whole.")


class Outcome(BaseModel):
    """The outcome of one event of a batch."""

    event_id: str | None = Field(description="As it was sent; null where it has none.")
    line: int | None = Field(default=None, description="Of NDJSON: its line, counted from 1.")
    status: Literal["applied", "waiting", "repeated", "refused", "rejected"] = Field(
        description="`applied`: in the graph. `waiting`: on disk, and in the graph later; `reason` says where it waits "
        "for a person or a content. `repeated`: accepted before, so not counted again. `refused`: `errors` says why; "
        "not accepted. `rejected`: the graph cannot take it."
    )
    reason: str | None = Field(default=None, description="Of a waiting event: what is not in the graph yet.")
    errors: list[FieldError] = Field(default=[], description="Of a refused event: what is wrong with which field.")


class EventsAccepted(BaseModel):
    """The outcomes of the events."""

    request_id: str
    accepted: int = Field(description="How many are on disk now: all but the refused ones.")
    applied: int = Field(description="How many of these are in the graph, so that the next feed knows.")
    waiting: int = Field(description="How many wait for the graph, or for a person or a content.")
    repeated: int = Field(description="How many were accepted before, and do not count again.")
    refused: int = Field(description="How many cannot be used.")
    events: list[Outcome] = Field(
        description="What became of each event, in the order of the request; of "
        "NDJSON only the lines that are refused or rejected."
    )


class EventStatus(BaseModel):
    """The state of an event."""

    event_id: str
    producer: str
    status: Literal["waiting", "applied", "rejected"] = Field(
        description="`rejected`: not counted, `reason` says why; the same id may be sent again."
    )
    reason: str | None = Field(description="What a waiting event waits for, or why it was rejected.")
    received_at: datetime = Field(description="When it was accepted.")
