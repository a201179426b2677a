"""The shapes of feeds and people, in requests and in answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from graph import shown
from graph.identifiers import canonical
from recommend.feed import Rung
from recommend.sentences import ReasonKind, Verb
from web import cursor
from web.schemas import MAX_ITEMS, PATTERN, TEXT, ContentId, DisplayNames, RequestPart, UserId, without_controls

__all__ = ["Feed", "FeedBody", "FeedOptions", "FeedQuery", "People", "PeopleQuery", "SessionBody", "SessionFeed"]

_Tag = Annotated[str, BeforeValidator(canonical), BeforeValidator(without_controls), TEXT]


class FeedOptions(RequestPart):
    """Options of a feed: the number and kind of its contents, and what it is narrowed to."""

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
    maker: list[UserId] = Field([], max_length=100, description="Only contents made by this user.")
    max_age_days: float | None = Field(
        None, gt=0, le=36_500, description="Only contents created in so many days until now."
    )
    replays: bool = Field(
        False, description="Let contents come again that the user watched with much engagement some time ago."
    )
    explain: bool = Field(True, description="Say why, for every item.")
    context: str | None = Field(
        None,
        min_length=1,
        max_length=shown.MAX_WORDS,
        json_schema_extra={"pattern": PATTERN},
        description="Words of your own, such as the screen. They come back, and every item carries a `context` with "
        "them to send with events.",
    )
    debug: bool = Field(False, description="Tell what each source proposed and what each score is made of.")
    model: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        json_schema_extra={"pattern": PATTERN},
        description="Name of a trained model to rank by in place of the default one, such as `item-knn`. A name that "
        "is not trained is refused with the names that are.",
    )


class FeedQuery(FeedOptions):
    """The same for somebody with an id."""

    allow_unknown: bool = Field(
        False, description="Answer a user id nobody knows yet with what is popular, instead of 404."
    )


class FeedBody(RequestPart):
    """Ids to leave out, where they are too many for an address."""

    exclude: list[str] = Field([], max_length=2_000, description="Content ids to leave out.")


class SessionBody(FeedBody):
    """Ids of watched contents, and ids to leave out."""

    model_config = ConfigDict(json_schema_extra={"example": {"contents": ["keaks/1", "keaks/2"]}})

    contents: list[ContentId] = Field(
        min_length=1, max_length=200, description="Ids of what was just watched. None of them is recommended."
    )


class PeopleQuery(RequestPart):
    """The number of people."""

    n: int = Field(10, ge=1, le=MAX_ITEMS, description="How many.")


class Reason(BaseModel):
    """Why a content or a person is recommended."""

    kind: ReasonKind = Field(description="The kind of fact; `replay`: the reader watched it before.")
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
    at: datetime | None = Field(
        description="When it was published, or when the newest of these people, or the reader, watched it."
    )
    days: int | None = Field(description="The days until now that the fact is about.")
    text: str = Field(description="The facts in one sentence, with names where the graph has them.")
    evidence: list[str] = Field(description="`people`, `contents` and `names` in one list.")


class Item(BaseModel):
    """One recommended content."""

    content_id: str
    kind: Literal["keak", "beat", "track"]
    score: float = Field(description="0..1, comparable within one answer only.")
    sources: list[str] = Field(description="What proposed it, the strongest first.")
    reasons: list[Reason]
    link: str | None
    made_by: list[str]
    display_names: DisplayNames
    propensity: float | None = Field(
        description="The probability with which it was put at its place; null where nothing is drawn at random."
    )
    context: str | None = Field(
        None,
        max_length=shown.MAX_CHARACTERS,
        pattern=shown.PATTERN,
        description="To send with events that this item leads to, impressions too. There where the request has a "
        "`context`, or the settings say so.",
    )


class Proposed(BaseModel):
    """The proposals of a source."""

    proposed: int
    kept: int = Field(description="What no filter held back.")


class Part(BaseModel):
    """The contribution of a source to the score of an item."""

    source: str
    score: float = Field(description="The source's own measure.")
    part: float = Field(description="The parts of an item add up to its score.")


class Debug(BaseModel):
    """An account of how a feed was made."""

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
    context: str | None = Field(None, description="What the request said; not there where it said nothing.")
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
    display_names: DisplayNames


class People(BaseModel):
    """People, best first."""

    request_id: str
    user_id: str
    people: list[Person]
