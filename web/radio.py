"""Lists that go on, an endless radio and similar artists, by `track2vec` if it is trained, else by the served model."""

from __future__ import annotations

import random
import zlib
from dataclasses import asdict
from typing import Any, Final

import flask
import numpy as np
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from graph.errors import ModelError, SnapshotError
from graph.shown import packed, unpacked
from ranking import registry
from recommend.artists import Artists
from recommend.listening import MODEL, Listening
from web import logs, radio_schemas
from web.problems import documented, invalid
from web.serving import serving

__all__ = ["blueprint", "pages"]

blueprint: Final = APIBlueprint(
    "radio",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="Listening", description="Lists of tracks that go on.")],
    abp_responses=documented(404, 422, 429, 500, 503, 504),
)
pages: Final = flask.Blueprint("radio_page", __name__)

_REMEMBERED: Final = 1_000
"""Newest tracks of a walk in its cursor, none of which is repeated. By hand: the cursor is part of a URL."""
_MOST_SKIPPED: Final = 200
"""Most tracks without a preview in one answer. By hand."""
_VERSION: Final = b"\x01"


@pages.get("/radio")
def page() -> str:
    """A page that plays the radio and asks for more tracks as they are heard."""
    return flask.render_template("radio.html")


@blueprint.get(
    "/radio",
    operation_id="radio",
    description="A random walk among the nearest tracks. Without a cursor it begins with the seed; with `next_cursor` "
    "of the answer before it goes on, and repeats nothing of the last 1,000 tracks. A track without a preview, where "
    "others have one, is told as `skipped` and not counted. From a track that the model did not learn it goes on with "
    "others of its artist, else of its title, else with popular ones: `why` says so.",
    responses={200: radio_schemas.Radio},
)
def walk(query: radio_schemas.RadioQuery) -> dict[str, Any]:
    """A radio that starts from one track"""
    listening = _listening()
    start = listening.find(query.seed)
    played = _decode(query.cursor, listening) if query.cursor else []
    steps: list[tuple[int, str]] = [] if played else [(start, "seed")]
    present = next((number for number in reversed(played) if not listening.skips(number)), start)
    dice = random.Random()  # noqa: S311 (nobody is harmed who guesses the next track)
    wanted = query.n - sum(not listening.skips(number) for number, _ in steps)
    ended = True
    for taken, step in enumerate(listening.walk(present, query.candidates, dice, [start, *played])):
        if wanted <= 0 or taken == query.n + _MOST_SKIPPED:
            ended = False
            break
        steps.append(step)
        wanted -= not listening.skips(step.number)
    items = [asdict(listening.track(number, skipped=listening.skips(number))) | {"why": why} for number, why in steps]
    for item in items:
        del item["score"]
    walked = [*played, *(number for number, _ in steps)][-_REMEMBERED:]
    return {
        "request_id": logs.request_id(),
        "model": listening.model.name,
        "items": items,
        "next_cursor": None if ended else _encode(walked, listening),
    }


@blueprint.post(
    "/playlists/complete",
    operation_id="complete",
    description="`tracks` is one list, `playlists` are several; ids or titles, in their order. What is not in the "
    "snapshot, or was not learned by the model, is named in `unknown` and left out; a list of which nothing is known "
    "gets no items.",
    responses={200: radio_schemas.Completed},
)
def complete(body: radio_schemas.Complete) -> dict[str, Any]:
    """Complete lists of tracks"""
    if body.tracks is None and body.playlists is None:
        raise invalid("tracks", "give `tracks`, or `playlists` for several lists", "body")
    listening = _listening()
    lists = [*([body.tracks] if body.tracks is not None else []), *(body.playlists or [])]
    answers = [
        {
            "items": [{name: value for name, value in asdict(one).items() if name != "skipped"} for one in more],
            "unknown": unknown,
        }
        for more, unknown in listening.complete(lists, body.n)
    ]
    first = answers.pop(0) if body.tracks is not None else {"items": [], "unknown": []}
    return {"request_id": logs.request_id(), "model": listening.model.name, **first, "playlists": answers}


@blueprint.get(
    "/artists/<id:artist_id>/similar",
    operation_id="similar_artists",
    description="The model ranks contents: artists are in the order in which theirs stand nearest to those of the "
    "artist. Where the graph has no artists, every id is unknown.",
    responses={200: radio_schemas.SimilarArtists},
)
def similar_artists(path: radio_schemas.ArtistPath, query: radio_schemas.SimilarQuery) -> dict[str, Any]:
    """Artists who resemble an artist"""
    listening = _listening()
    artists = _artists(listening)
    number = artists.find(path.artist_id)
    own = artists.artist(number)
    return {
        "request_id": logs.request_id(),
        "model": listening.model.name,
        "artist_id": own.artist_id,
        "name": own.name,
        "items": [asdict(one) for one in artists.similar(number, query.n)],
    }


def _artists(listening: Listening) -> Artists:
    """The artists of the snapshot in use, opened once for each."""
    known = flask.current_app.extensions.get("entourage.artists")
    if known and known[0] is listening:
        opened: Artists = known[1]
        return opened
    made = Artists(listening)
    flask.current_app.extensions["entourage.artists"] = (listening, made)
    return made


def _listening() -> Listening:
    """The tracks of the snapshot in use, opened once for each. Raises SnapshotError or ModelError without one."""
    held = serving()
    snapshot = held.feeds.snapshot
    if snapshot is None:
        raise SnapshotError("There is no snapshot.", do="Run `entourage export`.")
    path = held.settings.model_path(MODEL)
    manifest = path / "manifest.json"
    stamp = manifest.stat().st_mtime_ns if manifest.is_file() else None
    known = flask.current_app.extensions.get("entourage.listening")
    if known and known[0] == (id(snapshot), id(held.feeds.model), stamp):
        opened: Listening = known[1]
        return opened
    model = held.feeds.model
    if stamp is not None:
        try:
            model = registry.kind(MODEL).load(path, snapshot)
        except ModelError as error:  # of another graph, or half replaced: the served model is there
            logs.log.warning("track2vec is not used", reason=str(error))
    if model is None:
        raise ModelError("No model is trained.", do=f"Run `entourage train --model {MODEL}`.")
    made = Listening(snapshot, model, held.feeds.recent.taken_down)
    flask.current_app.extensions["entourage.listening"] = ((id(snapshot), id(held.feeds.model), stamp), made)
    return made


def _encode(numbers: list[int], listening: Listening) -> str:
    body = _VERSION + _graph(listening) + np.array(numbers, dtype="<i4").tobytes()
    return packed(body)


def _decode(cursor: str, listening: Listening) -> list[int]:
    body, head = unpacked(cursor), _VERSION + _graph(listening)
    if not body.startswith(head) or len(body) % 4 != len(head) % 4:
        raise invalid("cursor", "is not one that this service gave for the data it has now; leave it out to begin anew")
    numbers = np.frombuffer(body[len(head) :], dtype="<i4")
    if not ((numbers >= 0) & (numbers < listening.snapshot.contents.count)).all():
        raise invalid("cursor", "names tracks that are not there; leave it out to begin anew")
    return [int(number) for number in numbers]


def _graph(listening: Listening) -> bytes:
    """Four bytes that identify the graph: track numbers of another graph mean other tracks."""
    return zlib.crc32(listening.snapshot.manifest.graph_id.encode()).to_bytes(4, "big")
