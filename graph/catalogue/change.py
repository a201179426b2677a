"""What can be said of a content and of a person: validated, with ids in canonical form.

A field that is left out stays as it is; null takes a value away, and an empty list all that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from graph import schema
from graph.catalogue.changes import Change
from graph.events.event import AHEAD, EARLIEST, UserId, is_text, milliseconds
from graph.identifiers import MAX_BYTES, canonical, canonical_content

__all__ = ["PublishedContent", "PublishedUser", "Tag", "change_of_content", "change_of_user", "properties_of"]

_MOST: Final = 100
"""Makers, beats, genres, moods or hashtags of one content."""
_LONGEST: Final = 2_000
#: Fields that only contents of some kinds have.
_OF_KINDS: Final = {
    "content_type": ("keak",),
    "has_small_thumbnail": ("keak",),
    "beats": ("keak",),
    "updated_at": ("beat",),
    "bpm": ("beat",),
    "licence_type": ("beat",),
    "preview": ("track",),
}
#: Field → property of the node; the other fields are relationships.
_PROPERTIES: Final = {
    "title": schema.TITLE,
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "link": "link",
    "duration": "duration",
    "bpm": "bpm",
    "content_type": "contentType",
    "has_small_thumbnail": "hasSmallThumbnail",
    "licence_type": "licenceType",
    "preview": "preview",
    "name": schema.NAME,
    "is_private": schema.PRIVATE,
}


def _credible(at: AwareDatetime) -> AwareDatetime:
    if at < EARLIEST:
        raise ValueError("is before 1990")
    if at > datetime.now(UTC) + AHEAD:  # it would be the newest of all until then
        raise ValueError("is more than an hour ahead of the service's clock")
    return at


def _beat(text: str) -> str:
    """The id of a beat, also given without its prefix."""
    bare = text.strip()
    found = canonical_content(bare if bare.startswith(schema.CONTENT_PREFIXES) else schema.BEAT_PREFIX + bare)
    if not found.startswith(schema.BEAT_PREFIX):
        raise ValueError("is the id of a beat, such as beats/7")
    return found


def _named(given: Any) -> Any:
    """An id or a name alone stands for both."""
    return {"id": given} if isinstance(given, str) else given


Text = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Time = Annotated[AwareDatetime, BeforeValidator(is_text), AfterValidator(_credible)]
BeatId = Annotated[str, Field(min_length=1, max_length=len(schema.BEAT_PREFIX) + MAX_BYTES), AfterValidator(_beat)]
Flag = Annotated[bool, Field(strict=True)]


def _bare(text: str) -> str:
    return canonical(text.removeprefix("genres/").removeprefix("moods/"))


Tagged = Annotated[str, Field(min_length=1, max_length=MAX_BYTES), AfterValidator(_bare)]
Hashtag = Annotated[
    str, Field(min_length=1, max_length=MAX_BYTES), AfterValidator(lambda text: canonical(text.lstrip("#")))
]


class Tag(BaseModel):
    """A genre or a mood."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Tagged
    name: Annotated[str, Field(min_length=1, max_length=MAX_BYTES)] | None = None


Named = Annotated[Tag, BeforeValidator(_named, json_schema_input_type=str | Tag)]
Tags = Annotated[list[Named], Field(max_length=_MOST)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def body(self) -> dict[str, Any]:
        """What was said, as JSON: times in ms, lists without what stands in them twice."""
        found = {}
        for field in sorted(self.model_fields_set - {"kind"}):
            value = getattr(self, field)
            if field in ("created_at", "updated_at"):
                value = None if value is None else milliseconds(value)
            elif isinstance(value, list):
                told = [one.model_dump() if isinstance(one, Tag) else one for one in value]
                value = [one for place, one in enumerate(told) if one not in told[:place]]
            found[field] = value
        return found


class PublishedContent(_Said):
    """What is said of a content. A field that is left out stays as it is; null takes a value away."""

    kind: Literal["keak", "beat", "track"] | None = None
    """Needed where the id has no prefix."""
    title: Text | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    """Only beats have it."""
    link: Text | None = None
    duration: Annotated[float, Field(ge=0.0, le=1e9, strict=True, allow_inf_nan=False)] | None = None
    """Seconds."""
    bpm: Annotated[float, Field(ge=0.0, le=1e4, strict=True, allow_inf_nan=False)] | None = None
    """Only beats have it."""
    content_type: Text | None = None
    """Only keaks have it."""
    has_small_thumbnail: Flag | None = None
    """Only keaks have it."""
    licence_type: Annotated[list[Text], Field(max_length=_MOST)] | None = None
    """Only beats have it."""
    preview: Text | None = None
    """Only tracks have it."""
    makers: Annotated[list[UserId], Field(max_length=_MOST)] = []
    """Ids of the makers. A maker who is not known yet becomes known by this."""
    beats: Annotated[list[BeatId], Field(max_length=_MOST)] = []
    """The beats in a keak, which must be known."""
    genres: Tags = []
    """An id or a name, in capitals or not, or both; what is not known yet is added."""
    moods: Tags = []
    """Ids or names, as in ``genres``."""
    hashtags: Annotated[list[Hashtag], Field(max_length=_MOST)] = []


class PublishedUser(_Said):
    """What is said of a person. A field that is left out stays as it is; null takes a value away."""

    name: Text | None = None
    is_private: Flag | None = None
    """Counted, but named to nobody."""
    created_at: Time | None = None
    listens_to: Tags = []
    """Genres."""
    creates_in: Tags = []
    """Genres."""


def change_of_content(content_id: str, said: PublishedContent) -> Change:
    """The change of a content, which names its kind in its id or beside it.

    Raises ValueError for an id without a kind, for two kinds, and for a field that contents of this kind do not have.
    """
    kinds = dict(zip(schema.KINDS, schema.CONTENT_PREFIXES, strict=True))
    prefixed = content_id.startswith(schema.CONTENT_PREFIXES)
    if not prefixed:
        if said.kind is None:
            raise ValueError("content_id: has no kind: write keaks/…, beats/… or tracks/…, or add `kind`")
        content_id = canonical_content(kinds[said.kind] + content_id)
    kind = next(kind for kind, prefix in kinds.items() if content_id.startswith(prefix))
    if said.kind not in (None, kind):
        raise ValueError(f"kind: {content_id} is a {kind}, not a {said.kind}")
    for field in sorted(said.model_fields_set & _OF_KINDS.keys()):
        if kind not in _OF_KINDS[field]:
            raise ValueError(f"{field}: a {kind} has none; only a {' or a '.join(_OF_KINDS[field])} has")
    return Change(content_id, said.body, taken_down=False)


def change_of_user(user_id: str, said: PublishedUser) -> Change:
    """The change of a person (bare id)."""
    return Change(schema.USER_PREFIX + user_id, said.body)


def properties_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are properties of the node, by the graph's names."""
    return {_PROPERTIES[field]: value for field, value in body.items() if field in _PROPERTIES}
