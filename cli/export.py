"""``entourage export``: the graph as the snapshot that training, evaluation and serving read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from cli.progress import bars
from graph.database.driver import Graph
from graph.errors import SettingsError
from graph.files.times import milliseconds
from graph.settings import load_settings
from graph.snapshot import load
from graph.snapshot.export import export as export_graph

__all__ = ["export"]

_console = Console(soft_wrap=True)


def export(
    out: Annotated[Path | None, typer.Option(help="Folder to write; by default the one that the rest reads.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only ask for what is newer, such as 2021-06-01T12:00; 'last': than the present snapshot."),
    ] = None,
) -> None:
    """Write the snapshot that training and serving read. An older one is replaced when the new one is whole."""
    settings = load_settings()
    path = out or settings.snapshot_path
    cutoff = None if since is None else _cutoff(since, path)
    _console.print(f"Exporting the graph to {path} …")
    begun = time.monotonic()
    with Graph.connect(settings) as graph, bars(_console) as progress:
        manifest = export_graph(graph, path, settings, progress, since=cutoff)
    table = Table("what", "count", title="Exported")
    table.columns[1].justify = "right"
    for name, count in (*manifest.nodes.items(), *manifest.edges.items()):
        if count:
            table.add_row(name, f"{count:,}")
    _console.print(table)
    kind = "with engagement" if manifest.mode == "engagement" else "of pairs only (implicit)"
    _console.print(f"A snapshot {kind}, in {time.monotonic() - begun:.1f} s.")
    _console.print("Next: `entourage train`.")


_MARGIN_MS: Final = 86_400_000
"""``last`` asks for a day more: events may come late."""


def _cutoff(since: str, path: Path) -> int:
    if since == "last":
        last = load(path).manifest.cutoff
        if last is None:
            raise SettingsError(f"The snapshot at {path} has no times.", do="Leave --since out.")
        return last - _MARGIN_MS
    values, unread, _ = milliseconds(pl.Series([since]))
    if unread.any() or values[0] is None:
        raise SettingsError(f"--since {since} is not a time.", do="Write it like 2021-06-01 or 2021-06-01T12:00.")
    return int(values[0])
