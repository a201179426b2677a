"""One event: a thing that one person did, checked, with ids in their one spelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    field_validator,
    model_validator,
)

from graph.identifiers import MAX_BYTES, canonical, canonical_content, canonical_user

__all__ = ["AHEAD", "EARLIEST", "KINDS", "AboutContent", "AboutPerson", "Event", "Kind", "Watch", "milliseconds"]

ContentKind = Literal["like", "unlike", "comment", "delete_comment", "share", "unshare", "hide", "unhide"]
PersonKind = Literal["follow", "unfollow", "block", "unblock"]
Kind = Literal["watch"] | ContentKind | PersonKind
KINDS: Final[tuple[str, ...]] = ("watch", *get_args(ContentKind), *get_args(PersonKind))

AHEAD: Final = timedelta(hours=1)
"""How far ahead of the clock an event may be: clocks of phones are not exact."""
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""An event before this has a clock that was never set."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Id = Annotated[str, Field(min_length=1, max_length=MAX_BYTES), AfterValidator(canonical)]
UserId = Annotated[
    str,
    Field(min_length=1, description="With or without `users/`: `users/1` and `1` are the same person."),
    AfterValidator(canonical_user),
]
ContentId = Annotated[
    str,
    Field(pattern="^(keaks|beats)/.", description="With its kind: `keaks/456` or `beats/7`."),
    AfterValidator(canonical_content),
]


class _Happened(BaseModel):
    """What all events say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id
    """Given by whoever saw it happen. The same id of the same producer counts once."""
    producer: Annotated[str, Field(max_length=MAX_BYTES)] = ""
    """Who gave the id, such as the name of a service. Ids of two producers are never the same."""
    user_id: UserId
    """Who did it. A person whom nobody knows yet becomes known by doing something."""
    at: AwareDatetime
    """When it happened. Cut to milliseconds. From 1990 to an hour ahead of the service's clock."""

    @field_validator("at")
    @classmethod
    def _is_credible(cls, at: datetime, info: ValidationInfo) -> datetime:
        """Compare with ``now`` of the validation context, or with the clock."""
        now = (info.context or {}).get("now") or datetime.now(UTC)
        if at > now + AHEAD:
            raise ValueError(f"is more than an hour ahead of {now.isoformat(timespec='seconds')}, the service's time")
        if at < EARLIEST:
            raise ValueError("is before 1990")
        return at


class Watch(_Happened):
    """Somebody watched a content."""

    kind: Literal["watch"]
    content_id: ContentId
    progress: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """The share of it that was watched, 0 to 1."""


class AboutContent(_Happened):
    """Somebody liked, commented on, shared or hid a content, or took that back."""

    kind: ContentKind
    content_id: ContentId


class AboutPerson(_Happened):
    """Somebody followed or blocked a person, or took that back."""

    kind: PersonKind
    target_id: UserId
    """The other person, who must be known."""

    @model_validator(mode="after")
    def _is_about_another(self) -> AboutPerson:
        if self.target_id == self.user_id:
            raise ValueError(f"nobody can {self.kind} themselves")
        return self


class Event(RootModel[Annotated[Watch | AboutContent | AboutPerson, Field(discriminator="kind")]]):
    """One thing that one person did; ``kind`` says which other fields it has.

    Validate with the context ``{"now": datetime}`` to compare ``at`` with another clock than this machine's.
    """

    model_config = ConfigDict(frozen=True)


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970; what is finer is cut, as in files."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
