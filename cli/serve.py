"""``entourage serve``: the HTTP service and its page, until Ctrl-C."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from cli.terminal import make_console
from graph.database.driver import Graph
from graph.errors import EntourageError, GraphUnavailable, SnapshotError
from graph.settings import Settings, load_settings
from ranking import registry
from recommend.player import MODEL as PLAYER
from web.browser import guide_address
from web.server import listen, url_of
from web.server import serve as run

__all__ = ["serve"]

_console = make_console(soft_wrap=True)


class Arm(StrEnum):
    """Ways to choose the next track in the player."""

    RANDOM = "random"
    STICKY_ARTIST = "sticky-artist"
    ITEM_ITEM = "item-item"
    SESSION = "session"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all addresses.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 picks a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes, with eight threads each.")] = None,
    model: Annotated[str | None, typer.Option(help="The trained model to answer with.")] = None,
    arm: Annotated[Arm | None, typer.Option(help="What chooses the next track for every user of the player.")] = None,
) -> None:
    """Run the HTTP service and its page, until Ctrl-C.

    A model or snapshot that is written while it runs is used within seconds, without dropping a request.
    """
    settings = load_settings()
    chosen = {"host": host, "port": port, "workers": workers, "model": model}
    service = settings.service.model_copy(update={key: value for key, value in chosen.items() if value is not None})
    settings = settings.model_copy(update={"service": service})
    if arm:
        settings = settings.model_copy(update={"player": settings.player.model_copy(update={"arm": arm.value})})
    registry.check(service.model)
    for name in settings.feed.recommenders:
        registry.check(name)
    _say_what_there_is(settings)
    listener = listen(service.host, service.port)
    url = url_of(listener)
    _console.print(f"Starting {service.workers} workers …")

    def ready() -> None:
        _console.print(f"[bold green]Ready.[/] Open [link={url}]{url}[/link] for the page, {url}/docs for the API.")
        _console.print(f"In Neo4j Browser, [bold]:guide {guide_address(url)}[/] shows questions to ask. Ctrl-C stops.")

    run(settings, listener, ready)


def _say_what_there_is(settings: Settings) -> None:
    """Warn about missing parts, a stopped Neo4j included; raise for a wrong password, or if nothing can be answered."""
    missing = [error for error in (_graph_missing(settings), _snapshot_missing(settings)) if error]
    if len(missing) == 2:
        raise EntourageError(
            f"There is nothing to serve. {missing[0].what} {missing[1].what}",
            do="Run `entourage up`, `entourage import FOLDER` and `entourage export` first.",
        )
    name = settings.service.model
    if not settings.model_path(name).is_dir():
        advice = f"Run `entourage train --model {name}`; the service uses it as soon as it is there."
        missing.append(EntourageError(f"There is no model called {name}.", do=advice))
    for error in missing:
        _console.print(f"[yellow]Answers will be degraded:[/] {error}")
    if _of_another_graph(settings):
        _console.print(
            f"[yellow]The player will not answer:[/] its model was trained on another graph. "
            f"Run `entourage train --model {PLAYER}`."
        )


def _of_another_graph(settings: Settings) -> bool:
    """Whether there is a model for the player that does not belong to the snapshot."""
    try:
        both = [
            json.loads((path / "manifest.json").read_text("utf-8"))["graph_id"]
            for path in (settings.snapshot_path, settings.model_path(PLAYER))
        ]
    except (OSError, ValueError, KeyError):
        return False
    return len(set(both)) > 1


def _graph_missing(settings: Settings) -> EntourageError | None:
    try:
        Graph.connect(settings).close()
    except GraphUnavailable as error:
        return error
    return None


def _snapshot_missing(settings: Settings) -> EntourageError | None:
    """Checks only whether it exists: if polars had run before the fork, its threads would be missing in the workers."""
    if (settings.snapshot_path / "manifest.json").is_file():
        return None
    return SnapshotError(f"There is no snapshot at {settings.snapshot_path}.", do="Run `entourage export`.")
