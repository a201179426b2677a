"""The shapes of requests and answers, as OpenAPI shows them and as parameters are checked."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from graph import schema
from graph.identifiers import MAX_BYTES, canonical, canonical_content, canonical_user
from recommend.feed import Rung
from recommend.sentences import ReasonKind, Verb
from web import cursor

__all__ = [
    "ContentPath",
    "Examples",
    "Feed",
    "FeedBody",
    "FeedOptions",
    "FeedQuery",
    "Health",
    "NeighbourhoodQuery",
    "People",
    "PeopleQuery",
    "Readiness",
    "RequestPart",
    "SearchQuery",
    "SearchResults",
    "SessionBody",
    "SessionFeed",
    "Subgraph",
    "UserPath",
]

MAX_ITEMS: Final = 100
Label = Literal["User", "Keak", "Beat", "Track", "Genre", "Mood", "Hashtag"]
_PATTERN: Final = r"^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]+$"
"""No control character but newline."""
_Text = Field(min_length=1, max_length=MAX_BYTES, json_schema_extra={"pattern": _PATTERN})
_UserId = Annotated[str, BeforeValidator(canonical_user), _Text]
_Tag = Annotated[str, BeforeValidator(canonical), _Text]
_LONGEST: Final = Field(
    min_length=1, max_length=MAX_BYTES + max(map(len, schema.CONTENT_PREFIXES)), json_schema_extra={"pattern": _PATTERN}
)


def _content_id(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("is a text")
    return canonical_content(text) if text.strip().startswith(schema.CONTENT_PREFIXES) else canonical(text)


_ContentId = Annotated[str, BeforeValidator(_content_id), _LONGEST]


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

    user_id: _UserId = Field(
        description=f"As in `123`; `users/123` is the same. Percent-encoded as a whole; at most {MAX_BYTES} bytes."
    )


class ContentPath(RequestPart):
    """The content of the path, its id in two parts."""

    content_id: _ContentId = Field(
        description=f"As in `keaks/123`. Percent-encoded as a whole (`keaks%2F123`); at most {MAX_BYTES} bytes."
    )


class FeedOptions(RequestPart):
    """How many of which contents."""

    n: int = Field(20, ge=1, le=MAX_ITEMS, description="How many.")
    kind: Literal["keak", "beat", "track"] | None = Field(None, description="One kind only.")
    cursor: str | None = Field(
        None,
        min_length=1,
        max_length=cursor.MAX_CHARACTERS,
        pattern=cursor.PATTERN,
        description="`next_cursor` of the page before.",
    )
    exclude: list[str] = Field(
        [], max_length=500, description="Content ids to leave out; repeat it, or separate them by commas."
    )
    genre: list[_Tag] = Field(
        [], max_length=20, description="Only contents of this genre, by its id or name. Repeat it for any of several."
    )
    mood: list[_Tag] = Field([], max_length=20, description="Only contents of this mood, by its id or name.")
    hashtag: list[_Tag] = Field([], max_length=20, description="Only contents with this hashtag.")
    maker: list[_UserId] = Field([], max_length=100, description="Only contents made by this user.")
    max_age_days: float | None = Field(
        None, gt=0, le=36_500, description="Only contents created in so many days until now."
    )
    explain: bool = Field(True, description="Say why, for every item.")
    debug: bool = Field(False, description="Tell what each source proposed and what each score is made of.")
    model: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        json_schema_extra={"pattern": _PATTERN},
        description="Name of a trained model to rank by in place of the default one, such as `item-knn`. A name that "
        "is not trained is refused with the names that are.",
    )


class FeedQuery(FeedOptions):
    """The same for somebody with an id."""

    allow_unknown: bool = Field(
        False, description="Answer a user id nobody knows yet with what is popular, instead of 404."
    )


class FeedBody(RequestPart):
    """What to leave out, where it is too long for an address."""

    exclude: list[str] = Field([], max_length=2_000, description="Content ids to leave out.")


class SessionBody(FeedBody):
    """What was watched, and what to leave out."""

    model_config = ConfigDict(json_schema_extra={"example": {"contents": ["keaks/1", "keaks/2"]}})

    contents: list[_ContentId] = Field(
        min_length=1, max_length=200, description="Ids of what was just watched. None of them is recommended."
    )


class PeopleQuery(RequestPart):
    """How many people."""

    n: int = Field(10, ge=1, le=MAX_ITEMS, description="How many.")


class NeighbourhoodQuery(RequestPart):
    """How far and how much."""

    depth: int = Field(2, ge=1, le=2, description="Steps from the user.")
    limit: int = Field(60, ge=1, le=300, description="Links at most.")


class SimilarQuery(RequestPart):
    """How many contents of which kind, by which model, for whom."""

    n: int = Field(10, ge=1, le=MAX_ITEMS, description="How many.")
    kind: Literal["keak", "beat", "track"] | None = Field(None, description="One kind only.")
    model: str | None = Field(None, description="A trained model in place of the default one.")
    user_id: _UserId | None = Field(
        None, description="Who asks: what they hid, and what people blocked on either side made, is left out."
    )


class SearchQuery(RequestPart):
    """What to look for."""

    q: _ContentId = Field(description="Words of an id or a name, or an id.")
    n: int = Field(10, ge=1, le=50, description="How many.")
    label: Label | None = Field(None, description="One sort only.")
    user_id: _UserId | None = Field(
        None, description="Who searches: people blocked on either side, and what they made, are not found."
    )


class Reason(BaseModel):
    """Why a content or a person is recommended."""

    kind: ReasonKind = Field(description="The kind of fact.")
    verb: Verb = Field(
        description="What was done: by people (maker, friends, trending, popular), or by the reader (because, "
        "taste, beat, genre, hashtag); `none` where nobody did anything yet."
    )
    count: int = Field(
        description="How many people (maker, friends, because, trending, popular) or contents of the reader (taste, "
        "beat, genre, hashtag). 0 where the kind counts nothing."
    )
    at_least: bool = Field(description="There may be more than `count`: not all were looked at.")
    people: list[str] = Field(description="Up to three who did it; people marked private are counted only.")
    contents: list[str] = Field(description="The contents or beat that the fact is about.")
    names: list[str] = Field(description="The genre or hashtag that the fact is about.")
    at: datetime | None = Field(description="When it was published, or when the newest of these people watched it.")
    days: int | None = Field(description="The days until now that the fact is about.")
    text: str = Field(description="The facts in one sentence, with names where the graph has them.")
    evidence: list[str] = Field(description="`people`, `contents` and `names` in one list.")


_DisplayNames = Annotated[
    dict[str, str],
    Field(description="What to show in place of ids, by `users/1` and `keaks/1`, of those that have a name."),
]


class Item(BaseModel):
    """One recommended content."""

    content_id: str
    kind: Literal["keak", "beat", "track"]
    score: float = Field(description="0..1, comparable within one answer only.")
    sources: list[str] = Field(description="What proposed it, the strongest first.")
    reasons: list[Reason]
    link: str | None
    made_by: list[str]
    display_names: _DisplayNames


class Proposed(BaseModel):
    """What a source proposed."""

    proposed: int
    kept: int = Field(description="What no filter held back.")


class Part(BaseModel):
    """What a source contributes to the score of an item."""

    source: str
    score: float = Field(description="The source's own measure.")
    part: float = Field(description="The parts of an item add up to its score.")


class Debug(BaseModel):
    """How a feed came about."""

    sources: dict[str, Proposed]
    removed: dict[str, int] = Field(
        description="Proposals by the first filter that held them back; most sources leave out beforehand what a "
        "filter would hold back. `unknown`: nothing is known of the content."
    )
    items: dict[str, list[Part]] = Field(description="By content id.")


class RankedContents(BaseModel):
    """Ranked contents, best first, and how they came about."""

    request_id: str
    items: list[Item]
    next_cursor: str | None = Field(
        max_length=cursor.MAX_CHARACTERS,
        pattern=cursor.PATTERN,
        description="Send it as `cursor` for the page that follows; null at the end.",
    )
    model_version: str | None = Field(
        description="The model that took part: its name and when it was trained. Null when none did."
    )
    rung: Rung = Field(description="Which of the fallbacks answered; `model` is the best.")
    degraded: bool = Field(description="Something is missing: `graph_down`, `late` or `failed` says what.")
    graph_down: bool = Field(description="The database did not answer: what is younger than the snapshot is missing.")
    late: list[str] = Field(description="Sources and stages left out because the deadline came first.")
    failed: list[str] = Field(description="Sources and stages left out because of an error.")
    debug: Debug | None = Field(None, description="Where `debug=true` asked for it; not there otherwise.")


class Feed(RankedContents):
    """The feed of a user."""

    user_id: str


class SessionFeed(RankedContents):
    """The feed of a session."""

    unknown: list[str] = Field(description="Contents of the request that the snapshot does not have.")


class Person(BaseModel):
    """Somebody to follow, or somebody who resembles the reader."""

    user_id: str
    mutual_count: int = Field(description="How many people whom the reader follows follow them.")
    mutual: list[str] = Field(description="A few of the people in between; those marked private are counted only.")
    score: float = Field(description="0..1, comparable within one answer only.")
    sources: list[Literal["friends_of_friends", "same_taste"]] = Field(
        description="What proposed them, the strongest first; `reasons` has the sentence of each, in this order."
    )
    shared_count: int = Field(description="How many of the reader's latest contents they watched too, at least.")
    shared: list[str] = Field(description="A few of these, those with the smallest audience first.")
    followed: bool = Field(description="Whether the reader follows them already.")
    reasons: list[Reason]
    display_names: _DisplayNames


class People(BaseModel):
    """People, best first."""

    request_id: str
    user_id: str
    people: list[Person]


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
    """What surrounds a user, sampled."""

    request_id: str
    user_id: str
    nodes: list[Node]
    links: list[Link]


class User(BaseModel):
    """What is known about a user."""

    user_id: str
    follows: int
    followers: int
    watched: int
    made: int
    listens_to: list[str] = Field(description="Names of genres.")
    creates_in: list[str] = Field(description="Names of genres.")
    properties: dict[str, Any] = Field(description="What the files said.")


class Content(BaseModel):
    """What is known about a content."""

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
    display_names: _DisplayNames


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
    display_names: _DisplayNames


class Found(BaseModel):
    """One search result."""

    label: Label
    id: str
    name: str
    audience: int = Field(
        description="Watchers of a content, followers of a user, contents with a genre, mood or hashtag."
    )


class SearchResults(BaseModel):
    """What has the words asked for."""

    results: list[Found]


class Examples(BaseModel):
    """A few users worth a look, for a first try."""

    user_ids: list[str]
    display_names: _DisplayNames


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
