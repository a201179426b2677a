"""``entourage demo``: runs the sub-commands that a newcomer would type, on a generated network in a home of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from cli.naming import with_id
from cli.terminal import make_console
from graph.errors import SettingsError
from graph.home import check as check_home
from graph.settings import Settings, load_settings

__all__ = ["demo"]

_console = make_console()

_COMPARED: Final = "popularity,item-knn,ease,pipeline"
_COMPOSE_FILE: Final = Path("docker-compose.yml")


def demo(
    serve: Annotated[
        bool | None,
        typer.Option("--serve/--no-serve", help="Keep serving at the end; by default only at a terminal."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the service; 0 picks a free one.")] = 0,
) -> None:
    """The whole path on a generated network: import, train, compare, serve, ask.

    It uses a home of its own below the usual one, so it does not touch a graph of yours.
    """
    began = time.monotonic()
    home = load_settings().home / "demo"
    os.environ["ENTOURAGE_HOME"] = str(home)
    check_home(load_settings())
    keep = sys.stdin.isatty() and sys.stdout.isatty() if serve is None else serve
    with ExitStack() as running, _terminated_in_order():
        _step("up", f"a real Neo4j, its data in {home}")
        browser = running.enter_context(_neo4j(load_settings()))
        settings = load_settings()  # now they contain the address of the Neo4j that was just started
        _learn(home)
        _step(f"serve --port {port}", "the HTTP service")
        url = running.enter_context(_service(settings, port))
        _ask(url, _someone(settings))
        _console.print(f"\n[bold green]Done in {time.monotonic() - began:.0f} s.[/]")
        _console.print(f"  The page       [bold]{url}[/]       the API  [bold]{url}/docs[/]")
        _console.print(f"  Neo4j Browser  [bold]{browser}[/]")
        _console.print(f"  In it, type    [bold]:guide {_guide(url)}[/]", soft_wrap=True)
        _console.print(f"  Another command on this network: ENTOURAGE_HOME={home} entourage …")
        if keep:
            _console.print("\nServing until Ctrl-C.")
            _until_interrupted()
    _console.print("Everything is stopped. Run it again with `make demo`; your own data: `entourage import --help`.")


def _learn(home: Path) -> None:
    """Files → graph → snapshot → models, by the functions that the command line calls."""
    from cli.evaluate import How, evaluate
    from cli.export import export
    from cli.generate import generate
    from cli.import_ import import_
    from cli.train import train
    from recommenders.core.effort import Effort

    files = home / "files"
    steps: list[tuple[str, str, Callable[[], object]]] = [
        (f"generate {files} --demo", "a network with a known truth", lambda: generate(files, demo=True)),
        (f"import {files}", "the files, into the graph", lambda: import_(files)),
        ("export", "the graph, as arrays", export),
        (
            "train --effort quick",
            "all models, blended and re-ranked",
            lambda: train(effort=Effort.QUICK),
        ),
        (
            f"evaluate --models {_COMPARED} --split time --effort quick --no-search",
            "every model learns from the past and is judged on the newest fifth",
            lambda: evaluate(models=_COMPARED, split=How.TIME, effort=Effort.QUICK, search=False),
        ),
    ]
    for command, what, run in steps:
        _step(command, what)
        run()


def _step(command: str, what: str) -> None:
    _console.print(f"\n[bold cyan]$ entourage {escape(command)}[/]   [dim]# {escape(what)}[/]", soft_wrap=True)


@contextmanager
def _neo4j(settings: Settings) -> Iterator[str]:
    """``NEO4J_URI`` if it is set, else docker compose if an engine answers, else a local server.

    A server that is started here stops when the block ends. Gives Browser's address, user and place of the password.
    """
    if settings.neo4j_uri:
        _refuse_foreign(settings)
        yield f"the one of {settings.neo4j_uri}"
    elif _COMPOSE_FILE.is_file() and _docker("info"):
        with _composed(settings) as address:
            yield address
    else:
        with _local(settings) as address:
            yield address


@contextmanager
def _local(settings: Settings) -> Iterator[str]:
    from cli.server import shown
    from graph.database.connection import password_file
    from graph.server.local_server import LocalServer

    with ExitStack() as running:
        with shown(_console) as progress:  # only while Neo4j starts: later steps draw bars of their own
            connection = running.enter_context(LocalServer(settings, progress=progress))
        yield f"{connection.browser} (user {connection.user}, password in {password_file(settings)})"


@contextmanager
def _composed(settings: Settings) -> Iterator[str]:
    """Neo4j of docker-compose.yml under a project name of its own; a local server if it does not start."""
    password = settings.home / "docker-password"
    if not password.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
    os.environ["NEO4J_PASSWORD"] = password.read_text()
    compose = ("compose", "--project-name", "entourage-demo", "--file", str(_COMPOSE_FILE))
    try:
        with _console.status("Docker starts Neo4j; the first time it pulls the image"):
            started = _docker(*compose, "up", "--detach", "--wait", "neo4j")
        if started:
            os.environ["NEO4J_URI"] = "bolt://127.0.0.1:7687"
            yield f"http://127.0.0.1:7474 (user neo4j, password in {password})"
            return
    finally:
        _docker(*compose, "stop")
        os.environ.pop("NEO4J_URI", None)
        del os.environ["NEO4J_PASSWORD"]
    _console.print("Docker could not start Neo4j; a local one is used instead.")
    with _local(settings) as address:
        yield address


def _docker(*arguments: str) -> bool:
    program = shutil.which("docker")
    return (
        program is not None and subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
    )


def _refuse_foreign(settings: Settings) -> None:
    """Raise SettingsError if the graph at ``NEO4J_URI`` holds people other than the demo's."""
    from graph.database.driver import Graph

    ours = settings.home / "graphs-filled-by-the-demo"
    name = f"{settings.neo4j_uri}/{settings.neo4j_database}"
    filled = ours.read_text().splitlines() if ours.exists() else []
    with Graph.connect(settings) as graph:
        if name not in filled and any(graph.read("lookup/filled")[0].values()):
            raise SettingsError(
                f"The graph at {settings.neo4j_uri} is not empty, and the demo would mix invented users into it.",
                do="Point NEO4J_URI at an empty database, or unset it to use a local Neo4j.",
            )
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text("\n".join(sorted({*filled, name})) + "\n")


@contextmanager
def _service(settings: Settings, port: int) -> Iterator[str]:
    from web.server import background

    service = settings.service.model_copy(update={"port": port})
    with background(settings.model_copy(update={"service": service})) as running:
        yield running.url


def _guide(url: str) -> str:
    from web.browser import guide_address

    return guide_address(url)


def _someone(settings: Settings) -> str:
    """An active user: the one whose number of watches is closest to the 90th percentile."""
    import numpy as np

    from graph import snapshot as snapshots

    snapshot = snapshots.load(settings.snapshot_path)
    watches = np.diff(snapshot.watched.indptr) * (np.diff(snapshot.follows.indptr) > 0)
    return str(snapshot.users.ids[int(np.abs(watches - np.quantile(watches, 0.9)).argmin())])


def _ask(url: str, user: str) -> None:
    address = f"{url}/v1/users/{user}/recommendations?n=10"
    _console.print(f"\n[bold cyan]$ curl '{address}'[/]", soft_wrap=True)
    feed, known = _get(address), _get(f"{url}/v1/users/{user}")
    who = with_id(user, known["properties"].get("name"))
    how = f"{feed['rung']}, degraded" if feed["degraded"] else feed["rung"]
    table = Table("#", "content", "score", "sources", "why", title=f"What {who} should see next ({how})")
    for rank, item in enumerate(feed["items"], start=1):
        why = item["reasons"][0]["text"] if item["reasons"] else ""
        content = with_id(item["content_id"], item["display_names"].get(item["content_id"]))
        table.add_row(str(rank), content, f"{item['score']:.3f}", ", ".join(item["sources"]), escape(why))
    _console.print(table)


def _get(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own address
        body: dict[str, Any] = json.load(answer)
    return body


@contextmanager
def _terminated_in_order() -> Iterator[None]:
    """SIGTERM ends the demo and everything it started, like Ctrl-C; SIGINT does even if the shell had it ignored."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        _console.print()
