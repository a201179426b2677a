"""The player's contract: the next track of a session, the end of a session, and what a track is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, NoReturn

import flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field

from recommend.player import MODEL, Player
from web.problems import Problem, documented, invalid
from web.serving import serving

__all__ = ["blueprint", "no_number"]

blueprint: Final = APIBlueprint(
    "player",
    __name__,
    abp_tags=[Tag(name="Player", description="Sessions of tracks, one after the other. No rate limit holds here.")],
    abp_responses=documented(404, 422, 500, 503),
)
no_number: Final = flask.Blueprint("player_no_number", __name__)
_SHOWN: Final = 40
"""Characters of an address that a refusal repeats."""


class User(BaseModel):
    """The user who listens."""

    user: int = Field(ge=0, le=2**53, description="The user's number.")


class Number(BaseModel):
    """The number of a track."""

    track: int = Field(ge=0, description="The track's number in the catalogue; one that it lacks is answered 404.")


class Heard(BaseModel):
    """The share that was heard of a track."""

    model_config = ConfigDict(strict=True, json_schema_extra={"example": {"track": 17, "time": 0.8}})

    track: int = Field(ge=0, description="The track's number in the catalogue.")
    time: float = Field(ge=0.0, le=1.0, description="The share of it that was heard.")


class Next(BaseModel):
    """The next track."""

    user: int
    track: int = Field(description="The number of the track to play.")


class Ended(BaseModel):
    """The user whose session ended."""

    user: int


class TrackOut(BaseModel):
    """A track of the catalogue."""

    artist: str | None
    title: str | None
    track: int


@blueprint.post(
    "/next/<int:user>",
    operation_id="next_track",
    description="The first call opens a session with the track that the user began with; no track comes twice in one.",
    responses={200: Next},
)
def next_track(path: User, body: Heard) -> dict[str, Any]:
    """The next track of the session"""
    return {"user": path.user, "track": _knowing(body).next(path.user, body.track, body.time)}


@blueprint.post(
    "/last/<int:user>",
    operation_id="last_track",
    description="The next call of `/next` opens another session.",
    responses={200: Ended},
)
def last_track(path: User, body: Heard) -> dict[str, Any]:
    """The end of the session"""
    _knowing(body).last(path.user, body.track, body.time)
    return {"user": path.user}


@blueprint.get("/track/<int:track>", operation_id="track", responses={200: TrackOut})
def track(path: Number) -> dict[str, Any]:
    """A track of the catalogue"""
    return asdict(_player().track(path.track))


def _knowing(body: Heard) -> Player:
    """The player, if it knows the track."""
    player = _player()
    if body.track not in player:
        raise invalid(
            "track", "the catalogue has no such track; send a number to which GET /track/<number> answers 200", "body"
        )
    return player


def _player() -> Player:
    held = serving()
    if held.player is None:
        first = "" if held.feeds.snapshot else "import a catalogue with integer ids, run `entourage export`, then "
        raise Problem(
            "unavailable",
            f"There is no player for the data that the service has: {first}run `entourage train --model {MODEL}`. The "
            "service takes the model up within seconds, without a restart.",
        )
    return held.player


@no_number.route("/track/<path:given>")
@no_number.route("/next/<path:given>", methods=["POST"])
@no_number.route("/last/<path:given>", methods=["POST"])
def not_a_number(given: str) -> NoReturn:
    """Answer that the address needs a whole number where it has something else."""
    whose = "track" if flask.request.path.startswith("/track/") else "user"
    raise Problem("not-found", f"{given[:_SHOWN]!r} is no number of a {whose}: those are whole numbers from 0 on.")
