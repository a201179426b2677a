"""An event: something that one person did. Validated, with ids in canonical form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    field_validator,
    model_validator,
)

from graph import schema, shown
from graph.identifiers import MAX_BYTES, canonical, canonical_content, canonical_user

__all__ = ["AHEAD", "EARLIEST", "IMPRESSION", "KINDS", "Entry", "Event", "UserId", "is_text", "milliseconds"]

AHEAD: Final = timedelta(hours=1)
"""How far in the future an event may be, because clocks of phones are not exact."""
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""An earlier event comes from a clock that was never set."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_NO_CONTROL: Final = r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]*"
_PATTERN: Final = rf"^{_NO_CONTROL}[^\x00-\x20\x7f-\xa0]{_NO_CONTROL}$"
"""Tells readers of the OpenAPI document what `canonical` refuses, as far as a pattern can say it."""
_PREFIX: Final = len(schema.USER_PREFIX)

Id = Annotated[
    str,
    Field(min_length=1, max_length=MAX_BYTES, json_schema_extra={"pattern": _PATTERN}),
    AfterValidator(canonical),
]
UserId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_PREFIX + MAX_BYTES,
        description="With or without `users/`: `users/1` and `1` are the same person. At most 500 bytes without it.",
        json_schema_extra={"pattern": _PATTERN},
    ),
    AfterValidator(canonical_user),
]
ContentId = Annotated[
    str,
    Field(
        pattern="^(keaks|beats|tracks)/.",
        max_length=max(map(len, schema.CONTENT_PREFIXES)) + MAX_BYTES,
        description="With its kind: `keaks/456`, `beats/7` or `tracks/8`. At most 500 bytes without it.",
        json_schema_extra={"pattern": rf"^(keaks|beats|tracks)/{_PATTERN[1:]}"},
    ),
    AfterValidator(canonical_content),
]


def _was_shown(context: str) -> str:
    """Refuse what `graph.shown.read` cannot read: a token that was cut off joins nothing."""
    shown.read(context)
    return context


def is_text(at: Any) -> Any:
    """Refuse numbers: they have no zone, and nobody can tell their unit."""
    if isinstance(at, int | float) or (isinstance(at, str) and at.strip().lstrip("+-").replace(".", "", 1).isdigit()):
        raise ValueError("is a text with a time zone, such as 2026-01-01T12:00:00Z")
    return at


class _Happened(BaseModel):
    """Fields of all events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id
    """Given by whoever saw it happen. The same id of the same producer counts once."""
    producer: Annotated[str, Field(max_length=MAX_BYTES)] = ""
    """Who gave the id, such as the name of a service. Ids of two producers are never the same."""
    user_id: UserId
    """Who did it. A person whom nobody knows yet becomes known by doing something."""
    at: Annotated[AwareDatetime, BeforeValidator(is_text)]
    """When it happened. Cut to milliseconds. From 1990 to an hour ahead of the service's clock."""
    context: (
        Annotated[str, Field(max_length=shown.MAX_CHARACTERS, pattern=shown.PATTERN), AfterValidator(_was_shown)] | None
    ) = None
    """The `context` of the item of a feed that led to it, as it came."""

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
    progress: Annotated[float, Field(ge=0.0, le=1.0, strict=True)] | None = None
    """The share of it that was watched, 0 to 1."""


class AboutContent(_Happened):
    """An act on a content, or one taken back; ``kind`` says which."""

    kind: str
    content_id: ContentId


class AboutPerson(_Happened):
    """An act on another person, or one taken back; ``kind`` says which."""

    kind: str
    target_id: UserId
    """The other person, who must be known."""

    @model_validator(mode="after")
    def _is_about_another(self) -> AboutPerson:
        if self.target_id == self.user_id:
            raise ValueError(f"nobody can {self.kind} themselves")
        return self


class Like(AboutContent):
    """Somebody liked a content."""

    kind: Literal["like"]


class Unlike(AboutContent):
    """Somebody took a like back."""

    kind: Literal["unlike"]


class Comment(AboutContent):
    """Somebody commented on a content."""

    kind: Literal["comment"]


class DeleteComment(AboutContent):
    """Somebody deleted their comment: none of theirs is left."""

    kind: Literal["delete_comment"]


class Share(AboutContent):
    """Somebody shared a content."""

    kind: Literal["share"]


class Unshare(AboutContent):
    """Somebody took a share back."""

    kind: Literal["unshare"]


class Hide(AboutContent):
    """Somebody does not want to see a content."""

    kind: Literal["hide"]


class Unhide(AboutContent):
    """Somebody takes back that they hid a content."""

    kind: Literal["unhide"]


class Less(AboutContent):
    """Somebody wants to see less of what is like a content."""

    kind: Literal["less"]


class Unless(AboutContent):
    """Somebody takes back that they want to see less of what is like a content."""

    kind: Literal["unless"]


class Impression(AboutContent):
    """Somebody was shown a content. It is logged, and changes neither the graph nor any feed."""

    kind: Literal["impression"]


class Follow(AboutPerson):
    """Somebody followed a person."""

    kind: Literal["follow"]


class Unfollow(AboutPerson):
    """Somebody stopped following a person."""

    kind: Literal["unfollow"]


class Block(AboutPerson):
    """Somebody blocked a person."""

    kind: Literal["block"]


class Unblock(AboutPerson):
    """Somebody takes back that they blocked a person."""

    kind: Literal["unblock"]


OneKind = (
    Watch
    | Like
    | Unlike
    | Comment
    | DeleteComment
    | Share
    | Unshare
    | Hide
    | Unhide
    | Less
    | Unless
    | Impression
    | Follow
    | Unfollow
    | Block
    | Unblock
)


class Event(RootModel[Annotated[OneKind, Field(discriminator="kind")]]):
    """One thing that one person did; ``kind`` says which other fields it has.

    Validate with the context ``{"now": datetime}`` to compare ``at`` with another clock than this machine's.
    """

    model_config = ConfigDict(frozen=True)


class Entry(NamedTuple):
    """A validated event as it is kept and written."""

    producer: str
    event_id: str
    kind: str
    user_id: str
    target: str
    """The content, or the other person."""
    at: int
    """The event's time, in ms since 1970."""
    progress: float | None = None
    context: str | None = None
    """The token of the item of a feed that led to it (`graph.shown`)."""

    @property
    def about_person(self) -> bool:
        """Whether ``target`` is a person."""
        return self.kind in _ABOUT_PEOPLE

    @classmethod
    def of(cls, event: Event) -> Entry:
        """The entry of an event."""
        did = event.root
        target = did.target_id if isinstance(did, AboutPerson) else did.content_id
        share = did.progress if isinstance(did, Watch) else None
        return cls(did.producer, did.event_id, did.kind, did.user_id, target, milliseconds(did.at), share, did.context)


KINDS: Final[tuple[str, ...]] = tuple(get_args(one.model_fields["kind"].annotation)[0] for one in get_args(OneKind))
IMPRESSION: Final = "impression"
_ABOUT_PEOPLE: Final = frozenset(("follow", "unfollow", "block", "unblock"))


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970; what is finer is cut, as in files."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
