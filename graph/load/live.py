"""Load checked tables into a live graph by batches: idempotent, so that an interrupted import is simply run again.

Batches run in parallel on parts that share no node, so that none waits for another's locks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph import schema
from graph.database.connection import unfinished_import
from graph.database.driver import Graph
from graph.files import kinds
from graph.files.kinds import Kind
from graph.files.options import Options
from graph.files.quarantine import ImportReport
from graph.files.tables import Known, Tables, read_pairs
from graph.load import watch
from graph.load.sessions import settle_sessions
from graph.progress import Progress
from graph.settings import Settings

__all__ = ["import_folder", "import_pairs", "keep_scales", "known", "load", "settle"]

_WORKERS: Final = 2
_NODE_BATCH: Final = 5_000
_EDGE_BATCH: Final = 10_000
_WHOLE: Final = 500_000
"""Watches put together at once from the two frames of `watch.watched`."""
_SETTLE_BATCH: Final = 500
#: Label → the query that loads its nodes; Content has one by kind.
_NODES: Final = {
    schema.GENRE: "load/genres",
    schema.MOOD: "load/moods",
    schema.HASHTAG: "load/hashtags",
    schema.USER: "load/users",
    schema.ARTIST: "load/artists",
    schema.SESSION: "load/sessions",
    schema.PLAYLIST: "load/playlists",
}
_CONTENTS: Final = {"keak": "load/keaks", "beat": "load/beats", "track": "load/tracks"}


def import_folder(
    graph: Graph | None,
    folder: Path,
    settings: Settings,
    progress: Progress | None = None,
    options: Options | None = None,
    told: Callable[[ImportReport], None] | None = None,
    kind: Kind | None = None,
) -> ImportReport:
    """Read every file of ``folder``, then load all of it; see ``graph.files.tables`` for what happens to bad rows.

    ``kind`` says what the folder holds where its files do not tell (`graph.files.kinds`).
    ``told`` is called with what the files hold before any of it is loaded. Running it twice changes nothing. ``graph``
    is None only in a dry run, which then is one of an empty graph. Raises InputError before anything is loaded, or a
    graph error midway: run it again to finish.
    """
    return _import(
        lambda: kinds.read(folder, kind, settings.home, known(graph), progress, _with_known(options, graph)),
        graph,
        settings,
        progress,
        options,
        told,
    )


def import_pairs(
    graph: Graph | None,
    interactions: Path,
    friends: Path | None,
    settings: Settings,
    progress: Progress | None = None,
    options: Options | None = None,
    told: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Load plain user,item and user,friend pairs (`read_pairs`); like ``import_folder`` otherwise."""
    return _import(
        lambda: read_pairs(interactions, friends, settings.home, known(graph), progress, _with_known(options, graph)),
        graph,
        settings,
        progress,
        options,
        told,
    )


def _import(
    read: Callable[[], tuple[Tables, ImportReport]],
    graph: Graph | None,
    settings: Settings,
    progress: Progress | None,
    options: Options | None,
    told: Callable[[ImportReport], None] | None,
) -> ImportReport:
    """Apply the schema, ``read`` the files, and load what they hold; only ``read`` them in a dry run."""
    begun, dry = time.monotonic(), bool(options and options.dry)
    if not dry:
        assert graph is not None
        unfinished_import(settings).unlink(missing_ok=True)  # the bulk importer must not replace what is loaded now
        graph.apply_schema()
    tables, report = read()
    if told:
        told(report)
    report.check()
    if graph:
        tables = settle_sessions(graph, tables, report, dry=dry)
    if not dry:
        assert graph is not None
        load(graph, tables, progress)
        keep_scales(graph, report)
    report.seconds = time.monotonic() - begun
    return report


def known(graph: Graph | None) -> Known:
    """The ids that the graph holds; none without a graph."""
    if graph is None:
        return Known()
    names: dict[str, dict[str, str]] = {}
    for label, id_, name in graph.stream("load/known_names"):
        names.setdefault(label, {})[id_] = name
    users = pl.Series([id_ for (id_,) in graph.stream("load/known_users")], dtype=pl.String)
    contents = pl.DataFrame(
        [*graph.stream("load/known_contents")],
        schema={"id": pl.String, "duration": pl.Float32},
        orient="row",
        strict=False,
    )
    return Known(users, contents["id"], names, contents["duration"])


def _with_known(options: Options | None, graph: Graph | None) -> Options:
    if graph is None:
        return options or Options()
    return replace(options or Options(), remembered=dict(graph.stream("load/known_scales")))


def keep_scales(graph: Graph, report: ImportReport) -> None:
    """Save the detected scales in the graph, for later imports whose files do not show the scale."""
    rows = [{"column": found.column, "scale": found.scale} for found in report.scales if found.sure]
    if rows:
        graph.write("load/scales", deadline_ms=0, rows=rows)


def load(graph: Graph, tables: Tables, progress: Progress | None = None) -> None:
    """Write all nodes, then all relationships, then audience and trend of each content."""
    for label, nodes in tables.nodes.items():
        if label in _NODES:
            _load_nodes(graph, _NODES[label], nodes, progress)
    contents = tables.nodes[schema.CONTENT]
    for kind, name in _CONTENTS.items():
        _load_nodes(graph, name, contents.filter(pl.col("kind") == kind).drop("kind"), progress)
    for type_, edges in tables.edges.items():
        _load_edges(graph, tables, type_, edges, progress)
    _correct_tracks(graph, tables, progress)
    if schema.WATCHED in tables.edges:
        watched = tables.ids[schema.CONTENT].gather(tables.edges[schema.WATCHED]["target"].unique().sort())
        settle(graph, watched, progress)


def settle(graph: Graph, contents: pl.Series, progress: Progress | None = None) -> None:
    """Compute audience and trend of the contents with these ids from the graph."""
    done = _Counter(progress, len(contents), "counting audiences")

    def send(start: int) -> None:
        ids = contents.slice(start, _SETTLE_BATCH).to_list()
        graph.write("load/settle", deadline_ms=0, contents=ids, rate=watch.RATE)
        done(len(ids))

    _parallel([partial(send, start) for start in range(0, len(contents), _SETTLE_BATCH)])


def _load_nodes(graph: Graph, name: str, nodes: pl.DataFrame, progress: Progress | None) -> None:
    _, *properties = nodes.columns
    done = _Counter(progress, nodes.height, f"loading {name.removeprefix('load/')}")
    for part in nodes.iter_slices(_NODE_BATCH):
        rows = [
            {
                "id": id_,
                "properties": {p: v for p, v in zip(properties, values, strict=True) if v is not None},
            }
            for id_, *values in part.iter_rows()
        ]
        graph.write(name, deadline_ms=0, rows=rows)
        done(len(rows))


def _load_edges(graph: Graph, tables: Tables, type_: str, edges: pl.DataFrame, progress: Progress | None) -> None:
    relationship = schema.RELATIONSHIPS[type_]
    sources, targets = tables.ids[relationship.source], tables.ids[relationship.target]
    done = _Counter(progress, edges.height, f"loading {type_}")

    watched = type_ == schema.WATCHED
    extra: dict[str, Any] = {"most": watch.MAX_TIMES} if watched else {}

    def send(part: pl.DataFrame) -> None:
        for large in part.iter_slices(_WHOLE):
            rows = watch.exact(watch.whole(large, tables.repeated)) if watched else large
            for batch in rows.iter_slices(_EDGE_BATCH):
                graph.write(f"load/{type_.lower()}", deadline_ms=0, rows=_grouped(batch, sources, targets), **extra)
                done(batch.height)

    # By source, so that a batch names each of them once; the newest of a source last.
    edges = watch.newest_last(edges).sort("source", maintain_order=True)
    for round_ in _rounds(edges, same=relationship.source == relationship.target):
        _parallel([partial(send, part) for part in round_])


def _correct_tracks(graph: Graph, tables: Tables, progress: Progress | None) -> None:
    """Take away other artists and genres of the tracks whose artists or genres the files tell.

    Comes after their own were written, because an artist without a track goes.
    """
    kinds_ = tables.nodes[schema.CONTENT]["kind"]
    told = pl.DataFrame(schema={"source": pl.Int32})
    for type_, label in ((schema.PERFORMED_BY, schema.ARTIST), (schema.HAS_GENRE, schema.GENRE)):
        edges = tables.edges.get(type_, pl.DataFrame(schema={"source": pl.Int32, "target": pl.Int32}))
        edges = edges.filter(kinds_.gather(edges["source"]) == "track")
        ids = tables.ids.get(label, pl.Series([], dtype=pl.String)).gather(edges["target"])
        each = edges.select("source", ids.alias(label)).group_by("source").agg(label)
        told = told.join(each, on="source", how="full", coalesce=True)
    told = told.with_columns(tables.ids[schema.CONTENT].gather(told["source"]).alias("track"))
    rows = told.select("track", pl.col(schema.ARTIST, schema.GENRE).fill_null([]))
    done = _Counter(progress, rows.height, "correcting tracks")
    batches = ([list(row) for row in part.iter_rows()] for part in rows.iter_slices(_NODE_BATCH))
    graph.batches("load/corrected_tracks", batches, progress=done)


def _grouped(batch: pl.DataFrame, sources: pl.Series, targets: pl.Series) -> list[list[Any]]:
    """[source, [[target, properties …], …]] for consecutive rows of one source."""
    batch = batch.with_columns(watch.written(pl.col(pl.Float32)))
    ends = zip(
        targets.gather(batch["target"]).to_list(),
        *(batch[name].to_list() for name in batch.columns[2:]),
        strict=True,
    )
    rows = [list(end) for end in ends]
    source = batch["source"].to_numpy()
    starts = np.flatnonzero(np.diff(source, prepend=-1))
    ids = sources.gather(source[starts]).to_list()
    stops = [*starts[1:].tolist(), len(rows)]
    return [[id_, rows[start:stop]] for id_, start, stop in zip(ids, starts.tolist(), stops, strict=True)]


def _rounds(edges: pl.DataFrame, *, same: bool) -> Iterator[list[pl.DataFrame]]:
    """Rounds of parts that share no node, so that the parts of a round can be written at the same time.

    Nodes are divided into buckets. Between two labels, a round is a diagonal of the square of buckets; within a label,
    it is a round of a round-robin tournament, and the first round has the edges inside each bucket.
    """
    if edges.height < 2 * _EDGE_BATCH:
        yield [edges]
        return
    buckets = 2 * _WORKERS if same else _WORKERS
    source = (edges["source"] % buckets).to_numpy()
    target = (edges["target"] % buckets).to_numpy()
    if not same:
        for turn in range(buckets):
            yield [edges.filter((source == b) & (target == (b + turn) % buckets)) for b in range(buckets)]
        return
    seats = list(range(buckets))
    for turn in range(buckets - 1):
        games = [(seats[place], seats[-1 - place]) for place in range(_WORKERS)]
        parts = []
        for one, two in games:
            mask = ((source == one) & (target == two)) | ((source == two) & (target == one))
            if turn == 0:
                mask |= (source == target) & ((source == one) | (source == two))
            parts.append(edges.filter(mask))
        yield parts
        seats = [seats[0], seats[-1], *seats[1:-1]]


def _parallel(tasks: list[Callable[[], None]]) -> None:
    """Run tasks on a few threads; the first failure is raised and the tasks not yet begun are dropped."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Counter:
    """Tells ``progress`` about the share of rows done."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self._progress = progress
        self._total = max(1, total)
        self._what = what
        self._done = 0

    def __call__(self, rows: int) -> None:
        self._done += rows
        if self._progress:
            self._progress(self._done / self._total, self._what)
