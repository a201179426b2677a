"""The shapes of requests and answers, as OpenAPI shows them and as parameters are checked.

Those of feeds and people are in `web.feed_schemas`.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from graph import schema
from graph.identifiers import MAX_BYTES, canonical, canonical_content, canonical_user

__all__ = [
    "MAX_ITEMS",
    "PATTERN",
    "TEXT",
    "ContentId",
    "ContentPath",
    "DisplayNames",
    "Examples",
    "Health",
    "NeighbourhoodQuery",
    "Readiness",
    "RequestPart",
    "SearchQuery",
    "SearchResults",
    "Subgraph",
    "UserId",
    "UserPath",
    "without_controls",
]

MAX_ITEMS: Final = 100
Label = Literal["User", "Keak", "Beat", "Track", "Genre", "Mood", "Hashtag"]
_CONTROLS: Final = r"\u0000-\u0009\u000b-\u001f\u007f-\u009f"
PATTERN: Final = f"^[^{_CONTROLS}]+$"
"""No control character but newline."""
TEXT: Final = Field(min_length=1, max_length=MAX_BYTES, json_schema_extra={"pattern": PATTERN})
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")


def without_controls(text: Any) -> Any:
    """Refuses what `PATTERN` refuses, also around an id, where it would be cut off as white space."""
    if isinstance(text, str) and _CONTROL.search(text):
        raise ValueError("an id holds no control characters")
    return text


UserId = Annotated[str, BeforeValidator(canonical_user), BeforeValidator(without_controls), TEXT]
_LONGEST: Final = Field(
    min_length=1, max_length=MAX_BYTES + max(map(len, schema.CONTENT_PREFIXES)), json_schema_extra={"pattern": PATTERN}
)


def _content_id(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("is a text")
    return canonical_content(text) if text.strip().startswith(schema.CONTENT_PREFIXES) else canonical(text)


ContentId = Annotated[str, BeforeValidator(_content_id), BeforeValidator(without_controls), _LONGEST]


DisplayNames = Annotated[
    dict[str, str],
    Field(description="What to show in place of ids, by `users/1` and `keaks/1`, of those that have a name."),
]


class RequestPart(BaseModel):
    """Path, query or body of a request.

    Unknown parameters are refused, so that a misspelt ``exclude`` is not ignored silently.
    """

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """See pydantic. Made once: flask-openapi3 asks for it in every request, which was a tenth of a feed's time."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _json_schema(cls)


@cache
def _json_schema(request: type[RequestPart]) -> dict[str, Any]:
    return super(RequestPart, request).model_json_schema()


class UserPath(RequestPart):
    """The user of the path."""

    user_id: UserId = Field(
        description=f"As in `123`; `users/123` is the same. Percent-encoded as a whole; at most {MAX_BYTES} bytes."
    )


class ContentPath(RequestPart):
    """The content of the path, its id in two parts."""

    content_id: ContentId = Field(
        description=f"As in `keaks/123`. Percent-encoded as a whole (`keaks%2F123`); at most {MAX_BYTES} bytes."
    )


class NeighbourhoodQuery(RequestPart):
    """The distance and the size of a neighbourhood."""

    depth: int = Field(2, ge=1, le=2, description="Steps from the user.")
    limit: int = Field(60, ge=1, le=300, description="Links at most.")


class SimilarQuery(RequestPart):
    """The number and kind of the contents, the model, and the person they are for."""

    n: int = Field(10, ge=1, le=MAX_ITEMS, description="How many.")
    kind: Literal["keak", "beat", "track"] | None = Field(None, description="One kind only.")
    model: str | None = Field(None, description="A trained model in place of the default one.")
    user_id: UserId | None = Field(
        None, description="Who asks: what they hid, and what people blocked on either side made, is left out."
    )


class SearchQuery(RequestPart):
    """The words of a search."""

    q: ContentId = Field(description="Words of an id or a name, or an id.")
    n: int = Field(10, ge=1, le=50, description="How many.")
    label: Label | None = Field(None, description="One sort only.")
    user_id: UserId | None = Field(
        None, description="Who searches: people blocked on either side, and what they made, are not found."
    )


class Node(BaseModel):
    """One node of a subgraph."""

    id: str = Field(description="Prefixed, and so unique: users/1, keaks/1, beats/1, genres/1, moods/1, hashtags/fun.")
    label: Label
    name: str = Field(
        description="For showing: the name or title; without one, a user's bare id or a content's prefixed id."
    )
    depth: int = Field(description="Steps from the user asked about, who has 0.")


class Link(BaseModel):
    """One relationship, in the direction it has in the graph."""

    source: str
    target: str
    type: str
    properties: dict[str, Any]


class Subgraph(BaseModel):
    """A sample of a user's neighbourhood."""

    request_id: str
    user_id: str
    nodes: list[Node]
    links: list[Link]


class User(BaseModel):
    """Facts about a user."""

    user_id: str
    follows: int
    followers: int
    watched: int
    made: int
    listens_to: list[str] = Field(description="Names of genres.")
    creates_in: list[str] = Field(description="Names of genres.")
    properties: dict[str, Any] = Field(description="What the files said.")


class Content(BaseModel):
    """Facts about a content."""

    content_id: str
    kind: Literal["keak", "beat", "track"]
    watchers: int
    made_by: list[str] = Field(description="Bare user ids.")
    uses: list[str] = Field(description="The beats in it.")
    used_by: int = Field(description="How many keaks use it.")
    genres: list[str]
    moods: list[str]
    hashtags: list[str]
    properties: dict[str, Any] = Field(description="What the files said.")
    display_names: DisplayNames


class Changed(BaseModel):
    """The outcome of a change of the catalogue."""

    request_id: str
    status: Literal["applied", "waiting", "rejected"] = Field(
        description="`applied`: in the graph, so that the next feed knows. `waiting`: on disk, and in the graph later; "
        "`reason` says where it waits for what is not there yet. `rejected`: the graph cannot take it."
    )
    reason: str | None = Field(description="What it waits for, or why it was rejected.")


class ContentChanged(Changed):
    """The outcome of a change of a content."""

    content_id: str = Field(description="With its kind.")


class UserChanged(Changed):
    """The outcome of a change of a person."""

    user_id: str


class ContentChange(ContentChanged):
    """The last change of a content."""

    received_at: datetime = Field(description="When it was accepted; of several that waited together, the first.")


class UserChange(UserChanged):
    """The last change of a person."""

    received_at: datetime = Field(description="When it was accepted; of several that waited together, the first.")


class SimilarContent(BaseModel):
    """One content that resembles another."""

    content_id: str
    kind: Literal["keak", "beat", "track"]
    score: float = Field(description="The model's own measure, comparable within one answer only.")
    made_by: list[str] = Field(description="Bare user ids.")


class SimilarContents(BaseModel):
    """What resembles a content, best first; empty where the model knows nothing that does."""

    request_id: str
    model_version: str
    content_id: str
    items: list[SimilarContent]
    display_names: DisplayNames


class Found(BaseModel):
    """One search result."""

    label: Label
    id: str
    name: str
    audience: int = Field(
        description="Watchers of a content, followers of a user, contents with a genre, mood or hashtag."
    )


class SearchResults(BaseModel):
    """Users and contents that have the words asked for."""

    results: list[Found]


class Examples(BaseModel):
    """A few users worth a look, for a first try."""

    user_ids: list[str]
    display_names: DisplayNames


class Health(BaseModel):
    """The process answers."""

    status: Literal["live"]


class Readiness(BaseModel):
    """Whether recommendations can be answered, and from what."""

    status: Literal["ready", "unavailable"]
    degraded: bool = Field(description="A part is missing, so answers come from a lower rung.")
    graph: Literal["up", "down"]
    snapshot: Literal["loaded", "missing"]
    model: Literal["loaded", "missing"]
    model_version: str | None
