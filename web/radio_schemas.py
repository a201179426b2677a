"""The shapes of lists of tracks and of the radio, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from web.schemas import RequestPart

__all__ = ["ArtistPath", "Complete", "Completed", "Radio", "RadioQuery", "SimilarArtists", "SimilarQuery"]

_MOST: Final = 100
_PATTERN: Final = r"^[^\u0000-\u001f\u007f-\u009f]+$"
_Name = Annotated[str, Field(min_length=1, max_length=500, pattern=_PATTERN)]
_List = Annotated[list[_Name], Field(min_length=1, max_length=500)]


class RadioQuery(RequestPart):
    """The first track of the radio, and how it goes on."""

    seed: str = Field(
        min_length=1,
        max_length=500,
        pattern=_PATTERN,
        description="Id or title of the first track; accents and case are forgiven.",
    )
    n: int = Field(10, ge=1, le=_MOST, description="Tracks to play.")
    candidates: int = Field(5, ge=1, le=1_000, description="Nearest tracks that each next is drawn from.")
    cursor: str | None = Field(
        None,
        min_length=1,
        max_length=6_000,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the answer before.",
    )


class RadioItem(BaseModel):
    """One step of the walk."""

    content_id: str
    title: str | None
    artist: str | None
    preview: str | None = Field(description="A link to listen to.")
    skipped: bool = Field(description="Has no preview, so it is passed over.")
    why: Literal["seed", "near", "artist", "title", "popular"] = Field(
        description="`near`: among the nearest by the model. Where it has nothing near, as beside a track that it did "
        "not learn: among the most popular of the same `artist`, else `title`, else of all (`popular`)."
    )


class Radio(BaseModel):
    """The next steps of a walk."""

    request_id: str
    model: str
    items: list[RadioItem]
    next_cursor: str | None = Field(description="Null when nothing else is within reach.")


class Complete(RequestPart):
    """Lists of tracks, by ids or titles, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"tracks": ["tracks/1", "Halo"], "n": 10},
            "anyOf": [{"required": ["tracks"]}, {"required": ["playlists"]}],
        },
    )

    tracks: _List | None = Field(None, description="One list.")
    playlists: Annotated[list[_List], Field(min_length=1, max_length=_MOST)] | None = Field(
        None, description="Several lists."
    )
    n: int = Field(10, ge=1, le=_MOST, description="How many more, for each list.")


class CompletedItem(BaseModel):
    """One further track."""

    content_id: str
    title: str | None
    artist: str | None
    preview: str | None
    score: float | None = Field(description="Comparable within one list only.")


class CompletedList(BaseModel):
    """Further tracks of a list."""

    items: list[CompletedItem]
    unknown: list[str] = Field(description="Of the list: what is not in the snapshot, or not learned by the model.")


class Completed(CompletedList):
    """Further tracks of the lists."""

    request_id: str
    model: str
    playlists: list[CompletedList] = Field(description="In the order of the request's `playlists`.")


class ArtistPath(RequestPart):
    """The artist of the path."""

    artist_id: _Name = Field(
        description="Id or name of an artist; accents and case of a name are forgiven. Percent-encoded as a whole."
    )


class SimilarQuery(RequestPart):
    """The number of artists."""

    n: int = Field(10, ge=1, le=_MOST, description="How many.")


class SimilarArtist(BaseModel):
    """One similar artist."""

    artist_id: str
    name: str | None
    score: float = Field(description="From 0 to 1: how near the top their contents stand among the nearest.")


class SimilarArtists(BaseModel):
    """The artists whose contents stand nearest to those of one."""

    request_id: str
    model: str
    artist_id: str
    name: str | None
    items: list[SimilarArtist]
