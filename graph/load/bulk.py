"""Build a new local graph with Neo4j's own bulk importer (``database import full``), many times faster than a live one.

The store is built beside the local one and takes its place when it is whole. A marker file says that an import was
begun and not finished; whatever was killed, the next import starts over and replaces what there is.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import polars as pl
import psutil

from graph import home, schema
from graph.database.connection import local_home, running, unfinished_import
from graph.database.driver import Graph
from graph.errors import GraphError, InputError, SettingsError
from graph.files import kinds
from graph.files.kinds import Kind
from graph.files.options import Options
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables
from graph.load import watch
from graph.load.live import keep_scales
from graph.progress import Progress
from graph.server.local_server import LocalServer
from graph.settings import Settings

__all__ = ["import_offline", "write_files"]

_DATABASE: Final = "neo4j"
_SCRATCH: Final = ".offline-"
_SLICE: Final = 2_000_000
"""Relationships written at once."""
#: Transactions first: a store without its log is the one state that Neo4j cannot tell from a damaged one.
_PARTS: Final = (f"transactions/{_DATABASE}", f"databases/{_DATABASE}")
#: Relationships without a time of their own: the property of a content that orders them, and which end that is.
_ORDER: Final = {
    schema.MADE: ("createdAt", "target"),
    schema.USES: ("audience", "source"),
    schema.HAS_GENRE: ("audience", "source"),
    schema.HAS_MOOD: ("audience", "source"),
    schema.TAGGED: ("audience", "source"),
}
_BETWEEN: Final = "\x1f"
"""Separates the values of a list property in the importer's files."""
_TYPES: Final = {pl.String: "", pl.Int64: ":long", pl.Int32: ":int", pl.Boolean: ":boolean"}


def import_offline(
    folder: Path,
    settings: Settings,
    progress: Progress | None = None,
    options: Options | None = None,
    told: Callable[[ImportReport], None] | None = None,
    kind: Kind | None = None,
) -> ImportReport:
    """Read every file of ``folder`` and make a new local graph of it; the server runs afterwards if it ran before.

    A dry run starts no server, so it sees only of a running one that the graph is filled.

    Raises SettingsError when ``NEO4J_URI`` is set or the local graph holds something, InputError as ``read_folder``
    does, GraphError when the new graph does not hold what the files do.
    """
    if settings.neo4j_uri:
        raise SettingsError("The bulk importer builds a local graph, and NEO4J_URI is set.", do="Unset one of the two.")
    begun = time.monotonic()
    server = LocalServer(settings)
    local = local_home(settings)
    marker = unfinished_import(settings)
    dry = options is not None and options.dry
    if not dry:
        _clear(local)
    ran = running(settings) is not None
    if not marker.exists() and (ran or not dry):
        _refuse_filled(server, settings)
    tables, report = kinds.read(folder, kind, settings.home, None, progress, options)
    if told:
        told(report)
    report.check()
    if dry:
        return report
    server.stop()
    home.begin(settings)
    local.mkdir(parents=True, exist_ok=True)
    marker.touch()
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=local) as scratch:
        arguments = write_files(tables, Path(scratch), progress)
        _say(progress, 0.0, "building the store")
        server.admin("database", "import", "full", _DATABASE, *arguments, data=Path(scratch) / "data")
        for part in _PARTS:
            final = local / "data" / part
            shutil.rmtree(final, ignore_errors=True)
            final.parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / "data" / part).rename(final)
    _say(progress, 0.0, "starting Neo4j and building its indexes")
    server.start()
    _check(settings, report)
    if not ran:
        server.stop()
    marker.unlink()
    report.seconds = time.monotonic() - begun
    return report


def write_files(tables: Tables, folder: Path, progress: Progress | None = None) -> list[str]:
    """Write the importer's CSV files to ``folder``; the arguments that make it read them.

    Nodes are numbered through all labels, so that relationships name them by their final number. Several threads would
    read a file in pieces side by side, and keep its order only by pieces; with two of them it was no quicker.
    """
    arguments = [
        "--id-type=actual",
        f"--report-file={folder / 'report'}",
        "--overwrite-destination=true",
        f"--array-delimiter=U+{ord(_BETWEEN):04X}",
        "--threads=1",
    ]
    first: dict[str, int] = {}
    total = 0
    several_lines = False
    for label, nodes in tables.nodes.items():
        first[label] = total
        total += nodes.height
        if label == schema.CONTENT:
            contents = nodes = _with_kept(nodes, tables.edges.get(schema.WATCHED))
            nodes = nodes.with_columns(pl.col("kind").str.to_titlecase().alias(":LABEL")).drop("kind")
        lists = [name for name, dtype in nodes.schema.items() if dtype == pl.List(pl.String)]
        nodes = nodes.with_columns(pl.col(name).list.join(_BETWEEN) for name in lists)
        nodes = nodes.rename({name: f"{name}:string[]" for name in lists})
        numbers = pl.int_range(first[label], total, dtype=pl.Int64, eager=True).alias(":ID")
        several_lines |= _holds_line_ends(nodes)
        if nodes.height:
            path = _write([nodes.insert_column(0, numbers)], folder / f"{label}.csv")
            arguments.append(f"--nodes={label}={path}")
    for number, (type_, edges) in enumerate(tables.edges.items()):
        _say(progress, number / len(tables.edges), "writing files for the bulk importer")
        ends = schema.RELATIONSHIPS[type_]
        several_lines |= _holds_line_ends(edges)
        numbered = (
            (watch.whole(part, tables.repeated) if type_ == schema.WATCHED else part).select(
                (pl.col("source").cast(pl.Int64) + first[ends.source]).alias(":START_ID"),
                (pl.col("target").cast(pl.Int64) + first[ends.target]).alias(":END_ID"),
                pl.exclude("source", "target"),
            )
            for part in _best_last(type_, edges, contents).iter_slices(_SLICE)
        )
        if edges.height:
            arguments.append(f"--relationships={type_}={_write(numbered, folder / f'{type_}.csv')}")
    if several_lines:
        arguments.append("--multiline-fields=true")
    return arguments


def _holds_line_ends(frame: pl.DataFrame) -> bool:
    """Whether a text holds a line end: the importer takes it for the end of the row unless it is told."""
    found = frame.select(pl.any_horizontal(pl.lit(value=False), pl.col(pl.String).str.contains(r"[\r\n]").any()))
    return bool(found.item())


def _best_last(type_: str, edges: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    """The edges in an order that leaves what serving wants of them last: Neo4j hands that out first.

    The newest of watches and follows, of what somebody made the newest contents, under a beat, a genre, a mood or a
    hashtag the most watched ones.
    """
    column, end = _ORDER.get(type_, ("", ""))
    if column not in contents.columns:
        return watch.newest_last(edges)
    by = contents[column].gather(edges[end]).alias("by")
    return edges.with_columns(by).sort("by", nulls_last=False, maintain_order=True).drop("by")


def _with_kept(contents: pl.DataFrame, watched: pl.DataFrame | None) -> pl.DataFrame:
    """Add audience and trend, as ``load/settle`` works them out in a live graph; null for who has no watch."""
    if watched is None:
        return contents
    audience, trend = watch.trends(watched["target"].to_numpy(), watched["lastAt"], contents.height)
    return contents.with_columns(pl.Series("audience", audience, dtype=pl.Int64).replace(0, None), trend)


def _write(parts: Iterable[pl.DataFrame], path: Path) -> Path:
    """CSV with Neo4j's types in the header."""
    with path.open("wb") as file:
        for number, part in enumerate(parts):
            frame = part.rename({name: name + _type(name, dtype) for name, dtype in part.schema.items()})
            lists = pl.col(pl.List(pl.Int64)).cast(pl.List(pl.String)).list.join(_BETWEEN)
            frame.with_columns(lists).write_csv(file, include_header=number == 0)
    return path


def _type(name: str, dtype: pl.DataType) -> str:
    """The type of a column in the header for the bulk importer."""
    if dtype == pl.List(pl.Int64):
        return ":long[]"
    return "" if ":" in name else _TYPES.get(type(dtype), ":double")


def _refuse_filled(server: LocalServer, settings: Settings) -> None:
    """Raise InputError if the local graph holds data: the bulk importer would replace them."""
    if not (local_home(settings) / "data" / _PARTS[1]).exists():
        return
    ran = running(settings) is not None
    server.start()
    with Graph.connect(settings) as graph:
        filled = any(graph.read("lookup/filled", deadline_ms=0)[0].values())
    if not ran:
        server.stop()
    if filled:
        raise InputError(
            f"The local graph in {settings.home} already holds data; --offline only builds a new one.",
            do="Leave --offline out to add to it, or set ENTOURAGE_HOME to another folder.",
        )


def _check(settings: Settings, report: ImportReport) -> None:
    """Build the indexes and compare what the graph holds with what was read."""
    with Graph.connect(settings) as graph:
        graph.apply_schema(filled_now=True)
        held = graph.read("export/counts", deadline_ms=0)[0]["counts"]
        keep_scales(graph, report)
    found = {type_: count for type_, count in held.items() if count}
    if found != report.relationships:
        raise GraphError(
            f"The bulk importer made {found}, and the files hold {report.relationships}.",
            do="Run the import again; it starts over.",
        )


def _clear(local: Path) -> None:
    """End an importer whose parent was killed, and delete what it wrote."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(local / _SCRATCH) in argument for argument in process.info["cmdline"] or ()):
            process.kill()
            process.wait()
    for left in local.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _say(progress: Progress | None, share: float, what: str) -> None:
    if progress:
        progress(share, what)
