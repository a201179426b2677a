"""``entourage export``: the graph as the snapshot that the rest reads, or as files for other people's tools."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.table import Table

from cli.progress import bars
from cli.terminal import make_console
from graph.database.driver import Graph
from graph.errors import InputError, SettingsError
from graph.files.times import milliseconds
from graph.formats import folder, part, sample
from graph.formats.folder import Format
from graph.formats.sample import Method
from graph.settings import Settings, load_settings
from graph.snapshot import Manifest, load
from graph.snapshot.export import export as export_graph

__all__ = ["export"]

_console = make_console(soft_wrap=True)


def export(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; by default the one that all other commands read.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Read only follows and watches newer than this, such as 2021-06-01T12:00; "
            "'last': since a day before the newest time of the snapshot."
        ),
    ] = None,
    to: Annotated[Format, typer.Option(help="All but 'snapshot' are made from the snapshot.")] = Format.SNAPSHOT,
    where: Annotated[
        str | None,
        typer.Option(
            help="Only these people and what they did: ids joined by commas, a file of ids (one a line), or Cypher "
            "(or a .cypher file) whose first column is userId."
        ),
    ] = None,
    people: Annotated[
        int | None, typer.Option("--sample", min=1, help="Only this many people, sampled along follows.")
    ] = None,
    sample_by: Annotated[Method, typer.Option(help="Random walk with restart, or forest fire.")] = Method.WALK,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample.")] = 0,
) -> None:
    """Write the snapshot that training and serving read, or with --to, --where or --sample files of other formats.

    It replaces an older one when it is complete.
    """
    settings = load_settings()
    if to is Format.SNAPSHOT and where is None and people is None:
        _snapshot(settings, out or settings.snapshot_path, since)
        _console.print("Next: `entourage train`.")
        return
    if out is None or out.resolve() == settings.snapshot_path.resolve():
        raise SettingsError("--to, --where and --sample write a folder of their own.", do="Name it with --out FOLDER.")
    folder.check_free(out)
    if since is not None or not (settings.snapshot_path / "manifest.json").is_file():
        _snapshot(settings, settings.snapshot_path, since)
    graph = load(settings.snapshot_path)
    selection = []
    if where is not None:
        graph = part.of_users(graph, graph.users.nids(_chosen(where, settings)))
        selection.append(f"people of `{' '.join(where.split())}`")
    if people is not None:
        graph = part.of_users(graph, sample.people(graph, people, sample_by, seed))
        selection.append(f"a sample of {people:,} people ({sample_by.value}, seed {seed})")
    _console.print(f"Writing {to.value} to {out} …")
    begun = time.monotonic()
    _show(folder.write(graph, to, out, "; ".join(selection) or "everyone"))
    _console.print(f"Written in {time.monotonic() - begun:.1f} s.")
    if to is not Format.SNAPSHOT:
        _console.print(f"How to open it: {out / 'README.md'}.")


def _snapshot(settings: Settings, path: Path, since: str | None) -> None:
    folder.check_free(path)
    cutoff = None if since is None else _cutoff(since, path)
    _console.print(f"Exporting the graph to {path} …")
    begun = time.monotonic()
    with Graph.connect(settings) as graph, bars(_console) as progress:
        manifest = export_graph(graph, path, settings, progress, since=cutoff)
    _show(manifest)
    kind = "with engagement" if manifest.mode == "engagement" else "of pairs only (implicit)"
    _console.print(f"A snapshot {kind}, in {time.monotonic() - begun:.1f} s.")


def _show(manifest: Manifest) -> None:
    table = Table("what", "count", title="Exported")
    table.columns[1].justify = "right"
    for name, count in (*manifest.nodes.items(), *manifest.edges.items()):
        if count:
            table.add_row(name, f"{count:,}")
    _console.print(table)


def _chosen(where: str, settings: Settings) -> list[str]:
    """The user ids that ``--where`` names. Raises InputError where it names none."""
    file = Path(where)
    text = where
    if os.path.isfile(where):  # noqa: PTH113 - Path's own raises for a text that is too long for a name
        try:
            text = file.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{file} is not UTF-8: {error}.", do="Save it as UTF-8, one id a line.") from error
        if file.suffix != ".cypher":
            return _some(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()), where)
    elif file.suffix in (".txt", ".csv", ".cypher") and " " not in where:
        raise InputError(f"There is no file {where}.", do="Name ids, a file of ids, or Cypher that finds some.")
    elif not re.search(r"\breturn\b", where, re.IGNORECASE):
        return _some(dict.fromkeys(one.strip() for one in where.split(",") if one.strip()), where)
    with Graph.connect(settings) as graph:
        rows = graph.ask(text)
    wrong = next((row[0] for row in rows if not isinstance(row[0], str)), None)
    if wrong is not None:
        raise InputError(
            f"The first column of --where holds {wrong!r}, which is no user id.",
            do="Return userId first: MATCH (user:User) … RETURN user.userId.",
        )
    return _some(dict.fromkeys(row[0] for row in rows), where)


def _some(ids: dict[str, None], where: str) -> list[str]:
    if not ids:
        raise InputError(f"--where {where} names nobody.", do="Name ids, a file of ids, or Cypher that finds some.")
    return list(ids)


_MARGIN_MS: Final = 86_400_000
"""``last`` starts a day earlier, because events may arrive late."""


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
