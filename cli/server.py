"""``entourage up``, ``down`` and ``status``: the local Neo4j."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.terminal import make_console
from graph.database.connection import connection
from graph.database.doctor import counts
from graph.database.driver import Graph
from graph.errors import GraphError
from graph.server.jars import StepProgress
from graph.server.local_server import LocalServer
from graph.settings import load_settings

__all__ = ["down", "shown", "status", "up"]

_console = make_console(soft_wrap=True)
_Port = Annotated[int | None, typer.Option(min=0, max=65_535, show_default="Neo4j's own, or a free one")]


def up(bolt_port: _Port = None, http_port: _Port = None) -> None:
    """Start the local Neo4j, or find the one that runs.

    The first time it downloads Neo4j, 150 MB. It keeps running until `entourage down`.
    """
    settings = load_settings()
    if settings.neo4j_uri:
        _console.print(f"NEO4J_URI is set: commands use {settings.neo4j_uri}, not the server started here.")
    begun = time.monotonic()
    server = LocalServer(settings, bolt_port=bolt_port, http_port=http_port)
    already = server.status().running is not None
    with shown(_console) as report:
        server.start(report)
    _console.print("Neo4j runs already." if already else f"Neo4j started in {time.monotonic() - begun:.0f} s.")
    _show(server)
    _console.print("Next: [bold]entourage import FOLDER[/bold]. Stop it with [bold]entourage down[/bold].")


def down() -> None:
    """Stop the local Neo4j; its data stays."""
    begun = time.monotonic()
    with _console.status("Stopping Neo4j …"):
        stopped = LocalServer(load_settings()).stop()
    _console.print(f"Neo4j stopped in {time.monotonic() - begun:.0f} s." if stopped else "No local Neo4j was running.")


def status() -> None:
    """Say what runs, where, and what the graph holds.

    Exits with 4 when no Neo4j answers.
    """
    settings = load_settings()
    if not settings.neo4j_uri:
        _show(LocalServer(settings))
    try:
        with Graph.connect(settings, any_schema=True) as graph:
            _show_counts(graph)
    except GraphError as error:
        if settings.neo4j_uri or LocalServer(settings).status().running:
            raise
        _console.print(f"Start it with [bold]entourage up[/bold]. ({error.what})")
        raise typer.Exit(error.exit_code) from error


@contextmanager
def shown(console: Console) -> Iterator[StepProgress]:
    """A progress bar for what ``LocalServer`` reports; it vanishes when all is done."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[far]}")
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        task = bars.add_task("Looking at what is here", total=None, far="")

        def report(what: str, done: int, total: int) -> None:
            far = f"{done}/{total}" if total else ""
            bars.update(task, description=what, completed=done, total=total or None, far=far)

        yield report


def _show(server: LocalServer) -> None:
    state = server.status()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    if now := state.running:
        where = connection(server.settings.model_copy(update={"neo4j_uri": None}))
        table.add_row("state", f"running, pid {now.pid}, for {_duration(state.uptime_seconds)}")
        table.add_row("Browser", f"[link={where.browser}]{where.browser}[/link]")
        table.add_row("Bolt", where.uri)
        table.add_row("user", state.user)
        table.add_row("password", f"in {state.password_file}")
        table.add_row(
            "memory", f"{state.memory_mb} MiB (heap up to {now.heap_mb}, page cache up to {now.page_cache_mb})"
        )
    else:
        table.add_row("state", "[yellow]not running[/]")
    table.add_row("versions", f"Neo4j Community {state.neo4j_version}, Java {state.java_version}")
    table.add_row("store", f"{state.store_mb} MiB in {state.home}")
    _console.print(table)


def _show_counts(graph: Graph) -> None:
    table = Table("label or type", "count", title=f"The graph at {graph.where.uri}", title_justify="left")
    table.columns[1].justify = "right"
    found = counts(graph)
    for name, count in found.items():
        table.add_row(name, f"{count:,}")
    if not found:
        _console.print("The graph is empty. Next: [bold]entourage import FOLDER[/bold].")
    else:
        _console.print(table)


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
