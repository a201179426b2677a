"""``entourage similar``: what resembles a content or an artist."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.listening import open_listening
from cli.terminal import make_console
from graph.errors import EntourageError, ModelError, UnknownArtist, UnknownContent
from graph.settings import load_settings
from ranking import registry
from recommend.artists import PREFIX, Artists
from recommend.listening import MODEL

__all__ = ["similar"]

_console = make_console(soft_wrap=True)


def similar(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID", help=f"Id or title of a content, or id or name of an artist ({PREFIX}… is always an artist)."
        ),
    ],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1000, help="How many.")] = 10,
    model: Annotated[
        str | None,
        typer.Option(help=f"A trained model; by default {MODEL} where it is trained, else {registry.DEFAULT}."),
    ] = None,
) -> None:
    """Name the contents that resemble a content most, or the artists that resemble an artist."""
    model = model or _default()
    listening = open_listening(model)
    artists = Artists(listening)
    try:
        content, artist = (None, artists.find(id_)) if id_.startswith(PREFIX) else (listening.find(id_), None)
    except UnknownContent as unknown:
        content = None
        try:
            artist = artists.find(id_)
        except UnknownArtist as neither:
            raise _neither(unknown, neither) from None
    if content is not None:
        table = Table("title", "artist", "id", "score", title=_like(listening.track(content).title or id_, model))
        for track in listening.similar(content, n):
            table.add_row(
                escape(track.title or ""), escape(track.artist or ""), escape(track.content_id), f"{track.score:.3f}"
            )
    else:
        assert artist is not None
        table = Table("name", "id", "score", title=_like(artists.artist(artist).name or id_, model))
        for one in artists.similar(artist, n):
            table.add_row(escape(one.name or ""), escape(one.artist_id), f"{one.score:.3f}")
    _console.print(table)
    if not table.row_count:
        _console.print(f"{model} knows nothing that resembles it.")


def _default() -> str:
    """The model where none is named. Raises ModelError where neither is trained."""
    there = registry.trained(load_settings())
    found = next((name for name in (MODEL, registry.DEFAULT) if name in there), None)
    if found is None:
        others = f" Others are trained: add --model {there[0]}." if there else ""
        raise ModelError(
            f"Neither {MODEL} nor {registry.DEFAULT} is trained.",
            do=f"Run `entourage train --model {MODEL}` for tracks and artists, or `entourage train`.{others}",
        )
    return found


def _like(name: str, model: str) -> str:
    return escape(f"Like {name}, by {model}")


def _neither(content: UnknownContent, artist: UnknownArtist) -> EntourageError:
    return UnknownContent(f"{content.what} {artist.what}", do=content.do)
