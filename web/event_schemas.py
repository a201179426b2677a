"""The shapes of events and of what became of them, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WrapValidator
from pydantic.config import JsonDict

from graph.events import Event
from web.problems import FieldError

__all__ = ["EventBatch", "EventOutcome", "EventsApplied", "Headers"]

MAX_EVENTS: Final = 1_000

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


class EventBatch(BaseModel):
    """What people did, in any order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"events": [_EXAMPLE]}})

    events: list[_Sent] = Field(min_length=1, max_length=MAX_EVENTS)


class Headers(BaseModel):
    """Who sends."""

    model_config = ConfigDict(populate_by_name=True)

    producer: str = Field(
        "",
        alias="X-Producer",
        max_length=500,
        description="The producer of those events that name none. Ids of two producers are never the same.",
    )


class EventOutcome(BaseModel):
    """What became of one event."""

    event_id: str | None = Field(description="As it was sent; null where it has none.")
    status: Literal["applied", "repeated", "unknown", "refused"] = Field(
        description="`repeated`: counted before, so not again. `unknown`: about a content or a person that nobody "
        "knows; not counted, send it again later. `refused`: `errors` says why; not counted."
    )
    errors: list[FieldError] = Field(default=[], description="Of a refused event: what is wrong with which field.")


class EventsApplied(BaseModel):
    """What became of the events."""

    request_id: str
    applied: int
    repeated: int = Field(description="Counted before, so not again.")
    unknown: list[str] = Field(description="Ids of events about a content or a person nobody knows: send them later.")
    refused: int = Field(description="How many cannot be used.")
    events: list[EventOutcome] = Field(description="What became of each event, in the order of the request.")
