"""Stream the graph out of Neo4j into a snapshot (``graph.snapshot``).

Nodes are read first and get their nids in the order of their ids. Relationships refer to nodes by Neo4j's internal
numbers, which are shorter than ids and need no read of the node. Both are read in blocks, each one row of long lists,
which the driver decodes many times faster than many rows. Several blocks are requested at once and written in order.
Changes made during the export may be in it or not; a relationship to a node that was created meanwhile is not. Do not
delete nodes during an export: Neo4j reuses the numbers of deleted nodes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import polars as pl

from graph import aside, home, schema
from graph.database.driver import Graph
from graph.errors import SnapshotError
from graph.files.ids import Codes
from graph.files.node_files import FRACTIONS
from graph.live.ledger import Ledger
from graph.live.record import checked
from graph.progress import Progress
from graph.settings import Settings
from graph.snapshot.arrays import NO_TIME
from graph.snapshot.edge_file import TIMES, EdgeFile, columns
from graph.snapshot.format import Manifest, Snapshot, Step, finish, graph_id, load

__all__ = ["NODE_QUERIES", "Numbered", "export", "exportable", "held_columns", "index_times", "read_edges"]

_READERS: Final = 2
_BLOCK: Final = 2_000
"""Sources asked for at once."""
_NODE_BLOCK: Final = 20_000

NODE_QUERIES: Final = {
    schema.USER: "export/users",
    schema.CONTENT: "export/contents",
    schema.GENRE: "export/genres",
    schema.MOOD: "export/moods",
    schema.HASHTAG: "export/hashtags",
    schema.ARTIST: "export/artists",
    schema.SESSION: "export/sessions",
    schema.PLAYLIST: "export/playlists",
}

#: The types that have many times more relationships than nodes: asked for in blocks of sources. Each of the others
#: comes whole.
_LARGE: Final = (schema.FOLLOWS, schema.WATCHED, schema.PLAYED, schema.HOLDS, schema.WATCH_RATIO, schema.HELD_OUT)
#: Those of them of which only the newer ones can be asked for, by the time of their last change.
_SINCE: Final = (schema.FOLLOWS, schema.WATCHED)
_TIMED: Final = ("follows", "watched", "liked", "commented", "shared")
_SLICE: Final = 2_000_000
_INDEX_SECONDS: Final = 3_600
_NUMBER: Final = "__number"

Block = TypeVar("Block")


def export(
    graph: Graph, path: Path, settings: Settings, progress: Progress | None = None, *, since: int | None = None
) -> Manifest:
    """Write the whole graph to a temporary folder, rename it to ``path``, and return its manifest.

    ``since`` (ms): read only follows and watches newer than this, and take the others from the snapshot at ``path``. If
    their number does not match the graph, because some were deleted, all are read. The first such export of a graph
    creates the indexes that it needs, and so needs the right to create them. Later changes of pairs whose time is older
    than ``since`` are missed, so run a full export from time to time.

    Raises SnapshotError when the graph holds no content, or neither people nor playlists, or when there is no snapshot
    to take from; GraphError when Neo4j fails midway.
    """
    if path == settings.snapshot_path:
        home.begin(settings)
    before = load(path) if since is not None else None
    if before:
        index_times(graph, progress)
    began = int(1_000 * time.time())
    begun = checked(graph, Ledger.of(settings)).step
    counts = graph.read("export/counts", deadline_ms=0)[0]["counts"]
    implicit = not graph.read("export/any_engagement", deadline_ms=0)[0]["known"]
    with aside.folder(path) as folder:
        for name in ("nodes", "edges", "topology"):
            (folder / name).mkdir()
        ids: dict[str, pl.Series] = {}
        numbered: dict[str, Numbered] = {}
        numbers = dict(graph.stream("export/numbers"))  # no row where there is none of a label
        for label in schema.NODE_KEYS:
            nodes = _nodes(graph, label, numbers.pop(label, []), progress)
            numbered[label] = Numbered(nodes[_NUMBER])
            nodes.drop(_NUMBER).write_parquet(folder / "nodes" / f"{label}.parquet", compression_level=1)
            ids[label] = nodes[schema.NODE_KEYS[label]]
        if not len(ids[schema.CONTENT]) or not (len(ids[schema.USER]) or len(ids[schema.PLAYLIST])):
            raise SnapshotError(
                "The graph holds no content, or neither people nor playlists.",
                do="Run `entourage import FOLDER` first.",
            )
        files = {}
        for type_, relationship in schema.RELATIONSHIPS.items():
            shape = len(ids[relationship.source]), len(ids[relationship.target])
            kept = None
            if before and since is not None and type_ in _SINCE:
                kept = _brought_up_to_date(graph, before, path, type_, ids, numbered, since)
            with EdgeFile(folder, type_, shape, settings.engagement, implicit=implicit) as file:
                if kept is not None and _adds_up(graph, type_, counts[type_], kept.height):
                    for edges in kept.iter_slices(_SLICE):
                        file.add(edges)
                elif counts[type_] and type_ in _LARGE:
                    for edges in _edges(graph, type_, numbered, progress):
                        file.add(edges)
                elif counts[type_]:
                    file.add(_whole(graph, type_, numbered))
            files[type_] = file
        if progress:
            progress(1.0, "checksums")
        low, high = files[schema.WATCHED].engagements
        newest = files[schema.WATCHED].newest
        manifest = Manifest(
            graph_id=graph_id(ids[schema.USER], ids[schema.CONTENT]),
            mode="engagement" if high - low > 1e-6 else "implicit",
            cutoff=None if newest == NO_TIME else newest,
            nodes={label: len(own) for label, own in ids.items()},
            edges={type_: file.count for type_, file in files.items()},
            begun=before.manifest.begun if before else began,  # of the older ones not all changes are read
            step=_unless_others_wrote(begun, checked(graph, Ledger.of(settings)).step),
        )
        finish(folder, manifest)
    return manifest


def exportable(graph: Graph) -> bool:
    """Whether the graph holds enough for a snapshot: content, and people or playlists."""
    held = graph.read("lookup/filled", deadline_ms=0)[0]
    return bool(held["contents"] and (held["people"] or held["playlists"]))


def index_times(graph: Graph, progress: Progress | None = None) -> None:
    """Create indexes on the times of follows and watches, if missing; this takes minutes at full size."""
    if progress:
        progress(0.0, "waiting for the indexes on time")
    for name in _TIMED:
        graph.write(f"schema/{name}_since", deadline_ms=0)
    graph.read("schema/await_indexes", deadline_ms=0, seconds=_INDEX_SECONDS)


def held_columns(graph: Graph, label: str) -> dict[str, pl.DataType]:
    """`node_columns` that are worth asking for: those of KuaiRec's users only where the graph has some."""
    columns_ = node_columns(label)
    if not columns_.keys() & schema.FEATURES:
        return columns_
    held = set(graph.read("export/keys", deadline_ms=0)[0]["keys"])
    return {name: dtype for name, dtype in columns_.items() if name not in schema.FEATURES or name in held}


def node_columns(label: str) -> dict[str, pl.DataType]:
    """The columns of a label's file in a snapshot, the key first; times are ms, all but the key may be null."""
    columns_: dict[str, pl.DataType] = {schema.NODE_KEYS[label]: pl.String()}
    groups: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    if label == schema.USER:
        counts = *schema.USER_COUNTS, *schema.FEATURE_COUNTS, *schema.FEATURE_CATEGORIES
        flags = *schema.USER_FLAGS, schema.PRIVATE, *schema.FEATURE_FLAGS
        groups = (schema.NAME, *schema.FEATURE_TEXTS), schema.USER_TIMES, counts, flags
    elif label == schema.CONTENT:
        ids = "kind", schema.KEAK_ID, schema.BEAT_ID, schema.TRACK_ID
        names = *ids, *schema.KEAK_TEXTS, *schema.BEAT_TEXTS, *schema.TRACK_TEXTS
        counts = *schema.KEAK_COUNTS, *schema.BEAT_COUNTS, *schema.TRACK_COUNTS, *schema.CONTENT_KEPT
        groups = names, (*schema.KEAK_TIMES, *schema.BEAT_TIMES), counts, (*schema.KEAK_FLAGS, schema.TAKEN_DOWN)
    elif label == schema.SESSION:
        groups = schema.SESSION_TEXTS, schema.SESSION_TIMES, (), ()
    else:
        groups = ("name",), (), (), ()
    if label == schema.CONTENT:
        columns_ |= dict.fromkeys(schema.BEAT_TEXT_LISTS, pl.List(pl.String))
    numbers = {name: pl.Float64() if name in (*FRACTIONS, "trend") else pl.Int64() for name in groups[2]}
    columns_ |= dict.fromkeys(groups[0], pl.String())
    return columns_ | dict.fromkeys(groups[1], pl.Int64()) | numbers | dict.fromkeys(groups[3], pl.Boolean())


class Numbered:
    """The nids of a label's nodes, by Neo4j's internal numbers."""

    def __init__(self, numbers: pl.Series) -> None:
        self.numbers = numbers
        """Neo4j's numbers of the nodes, in nid order."""
        places = numbers.to_numpy()
        self._nids = np.full(int(places.max(initial=0)) + 2, -1, dtype=np.int32)
        self._nids[places] = np.arange(len(numbers), dtype=np.int32)

    def nids(self, numbers: list[int]) -> Codes:
        """The nids of these numbers; -1 for a node of another label."""
        wanted = np.array(numbers, dtype=np.int64)
        found: Codes = self._nids[np.minimum(wanted, len(self._nids) - 1)]
        return found


def _nodes(graph: Graph, label: str, numbers: list[int], progress: Progress | None) -> pl.DataFrame:
    """All nodes of a label with their numbers, sorted by id."""
    wanted = held_columns(graph, label)

    def ask(block: list[int]) -> pl.DataFrame:
        ((found, columns_),) = graph.stream(NODE_QUERIES[label], numbers=block, names=[*wanted])
        values = {
            name: pl.Series(column, dtype=dtype, strict=False)
            for (name, dtype), column in zip(wanted.items(), columns_, strict=True)
        }
        return pl.DataFrame({_NUMBER: pl.Series(found, dtype=pl.Int64), **values})

    blocks = (numbers[start : start + _NODE_BLOCK] for start in range(0, len(numbers), _NODE_BLOCK))
    parts = [pl.DataFrame(schema={_NUMBER: pl.Int64(), **wanted})]
    for part in _ahead(ask, blocks):
        parts.append(part)
        if progress:
            progress(len(parts) * _NODE_BLOCK / (len(numbers) + 2 * _NODE_BLOCK), f"exporting {label} nodes")
    return pl.concat(parts).sort(schema.NODE_KEYS[label])


def read_edges(graph: Graph, type_: str, numbered: dict[str, Numbered]) -> pl.DataFrame:
    """All relationships of a type: source, target (nids), then the properties. One to an unknown node is left out."""
    if type_ in _LARGE:
        parts = list(_edges(graph, type_, numbered, None))
        return pl.concat(parts) if parts else _frame(type_, [[], [], *([] for _ in columns(type_))], numbered)
    return _whole(graph, type_, numbered)


def _whole(graph: Graph, type_: str, numbered: dict[str, Numbered]) -> pl.DataFrame:
    """All edges of a type."""
    (lists,) = graph.stream(f"export/{type_.lower()}")
    return _frame(type_, lists, numbered)


def _edges(
    graph: Graph, type_: str, numbered: dict[str, Numbered], progress: Progress | None
) -> Iterator[pl.DataFrame]:
    """Blocks of edges with source, target (nids, sorted) and their properties, in order of their sources."""
    sources = numbered[schema.RELATIONSHIPS[type_].source].numbers

    def ask(block: pl.Series) -> pl.DataFrame:
        (lists,) = graph.stream(f"export/{type_.lower()}", numbers=block.to_list())
        return _frame(type_, lists, numbered)

    done = 0
    for edges in _ahead(ask, (sources.slice(start, _BLOCK) for start in range(0, len(sources), _BLOCK))):
        yield edges
        done += _BLOCK
        if progress:
            progress(min(1.0, done / len(sources)), f"exporting {type_}")


def _ahead(ask: Callable[[Block], pl.DataFrame], blocks: Iterable[Block]) -> Iterator[pl.DataFrame]:
    """The result of ``ask`` for each block, in their order, with several requests at once."""
    with ThreadPoolExecutor(_READERS) as pool:
        asked: deque[Future[pl.DataFrame]] = deque()
        try:
            for block in blocks:
                if len(asked) > _READERS:
                    yield asked.popleft().result()
                asked.append(pool.submit(ask, block))
            while asked:
                yield asked.popleft().result()
        finally:
            for future in asked:
                future.cancel()


def _brought_up_to_date(
    graph: Graph,
    before: Snapshot,
    path: Path,
    type_: str,
    ids: dict[str, pl.Series],
    numbered: dict[str, Numbered],
    since: int,
) -> pl.DataFrame:
    """The edges of the snapshot at ``path`` with the graph's newer ones, under the new nids; null where unknown."""
    relationship = schema.RELATIONSHIPS[type_]
    wanted = {"source": pl.Int32(), "target": pl.Int32(), **columns(type_)}
    old = pl.read_parquet(path / "edges" / f"{type_}.parquet", columns=[*wanted])
    old = old.with_columns(pl.col(name).replace(NO_TIME, None) for name in TIMES if name in wanted)
    for side, label in (("source", relationship.source), ("target", relationship.target)):
        moved = _moved(before.nodes[label].ids, ids[label])
        old = old.with_columns(pl.Series(side, moved[old[side].to_numpy()], dtype=pl.Int32))
    old = old.filter((pl.col("source") >= 0) & (pl.col("target") >= 0))
    rows = list(zip(*graph.stream(f"export/{type_.lower()}_since", since=since), strict=True))
    if not rows:
        return old
    newer = _frame(type_, [list(column) for column in rows], numbered)
    kept = old.join(newer, on=["source", "target"], how="anti", maintain_order="left")
    return pl.concat([kept, newer]).sort("source", "target")


def _unless_others_wrote(begun: Step | None, ended: Step | None) -> Step | None:
    """The state at the beginning: what our own events changed since is in the ledger."""
    same = begun and ended and (begun.ledger, begun.mark) == (ended.ledger, ended.mark)
    return begun if same else None


def _adds_up(graph: Graph, type_: str, before: int, found: int) -> bool:
    """Whether ``found`` lies between the graph's number of relationships at the start of the export and now."""
    if found == before:
        return True
    now = graph.read("export/counts", deadline_ms=0)[0]["counts"][type_]
    return bool(min(before, now) <= found <= max(before, now))


def _moved(before: pl.Series, now: pl.Series) -> Codes:
    """The place in ``now`` of each of ``before``, -1 where it is gone; both are sorted."""
    places = now.search_sorted(before).to_numpy()
    same = (now.gather(np.minimum(places, len(now) - 1)) == before).to_numpy()
    return np.where(same, places, -1).astype(np.int32)


def _frame(type_: str, lists: Sequence[list[Any]], numbered: dict[str, Numbered]) -> pl.DataFrame:
    """Edges from lists of source and target numbers and properties; an edge to what is no node of ours is left out."""
    sources, targets, *properties = lists
    relationship = schema.RELATIONSHIPS[type_]
    frame = pl.DataFrame(
        {
            "source": numbered[relationship.source].nids(sources),
            "target": numbered[relationship.target].nids(targets),
            **{
                name: pl.Series(values, dtype=dtype, strict=False)
                for (name, dtype), values in zip(columns(type_).items(), properties, strict=True)
            },
        }
    )
    return frame.filter((pl.col("source") >= 0) & (pl.col("target") >= 0)).sort("source", "target")
