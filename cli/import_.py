"""``entourage import``: a folder of Keakr files, or plain pairs, into Neo4j."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.progress import bars
from graph.database.driver import Graph
from graph.errors import SettingsError
from graph.files.options import Options
from graph.files.quarantine import ImportReport
from graph.files.scale import SCALES
from graph.load.live import import_folder, import_pairs
from graph.settings import load_settings

__all__ = ["import_"]

_console = Console(soft_wrap=True)


def import_(
    folder: Annotated[
        Path | None, typer.Argument(help="Holds any of users, keaks, beats (.jsonl), followers, audiences (.csv).")
    ] = None,
    pairs: Annotated[Path | None, typer.Option(help="A file of user,item pairs instead of a folder.")] = None,
    friends: Annotated[Path | None, typer.Option(help="With --pairs: a file of user,friend pairs.")] = None,
    progress: Annotated[
        str | None,
        typer.Option(help="How progress is given: percent, fraction or seconds. Found from the column otherwise."),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Build a new local graph with Neo4j's bulk importer: fast, needs it stopped."),
    ] = False,
) -> None:
    """Load a folder of files, or plain pairs, into Neo4j. Running it twice changes nothing.

    Files may end in .gz, .zst or be .parquet. Rows that cannot be loaded go to a quarantine file with their reason.
    """
    if (folder is None) == (pairs is None):
        raise SettingsError("Name either a folder or --pairs FILE.", do="For example `entourage import data/`.")
    if friends and not pairs:
        raise SettingsError("--friends goes with --pairs.", do="A folder brings its own followers.csv.")
    if offline and not folder:
        raise SettingsError("--offline imports a folder.", do="Leave --offline out: pairs are small enough.")
    if progress not in (None, *SCALES):
        raise SettingsError(f"There is no scale {progress!r}.", do=f"Choose one of {', '.join(SCALES)}.")
    options = Options(progress=progress)
    settings = load_settings()
    source = folder or pairs
    _console.print(f"Importing {source} …")
    if offline and folder:
        from graph.load.bulk import import_offline

        with bars(_console) as bar:
            report = import_offline(folder, settings, bar, options, _preview)
    else:
        with Graph.connect(settings) as graph, bars(_console) as bar:
            if folder:
                report = import_folder(graph, folder, settings, bar, options, _preview)
            elif pairs:
                report = import_pairs(graph, pairs, friends, settings, bar, options, _preview)
    _show(report)
    then = "entourage up` and then `entourage export" if offline else "entourage export"
    _console.print(f"Next: `{then}` writes the snapshot that training and serving read.")


def _preview(report: ImportReport) -> None:
    """What the files were taken for, before anything is loaded."""
    for found in report.scales:
        _console.print(f"{found.column} is read as [bold]{found.scale}[/]: {escape(found.why)}.")


def _show(report: ImportReport) -> None:
    table = Table("file", *(["read", "loaded", "merged", "quarantined", "dangling"]), title="What became of the rows")
    for column in table.columns[1:]:
        column.justify = "right"
    for file in report.files:
        counts = file.read, file.loaded, file.merged, file.quarantined, file.dangling
        table.add_row(file.file, *(f"{count:,}" for count in counts))
    _console.print(table)
    loaded = sum(report.nodes.values()), sum(report.relationships.values())
    _console.print(f"{loaded[0]:,} nodes and {loaded[1]:,} relationships in {report.seconds:.1f} s.")
    if noted := sum(file.noted for file in report.files):
        _console.print(f"{noted:,} unreadable values were left out of rows that were loaded.")
    if report.quarantine:
        _console.print(f"[yellow]Rows that were not loaded, and why:[/] {escape(str(report.quarantine))}")
