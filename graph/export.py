"""Stream the graph out of Neo4j into a snapshot (``graph.snapshot``).

Nodes come first and get their nids, sorted by id. Relationships come in blocks of sources, each one row of long lists,
which the driver decodes many times faster than as many rows. Some blocks are on their way at once; they are written
in order. What is written while the export runs may be in it or not; a relationship to a newer node is not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph import aside, schema
from graph.arrays import NO_TIME
from graph.driver import Graph
from graph.edge_file import TIMES, EdgeFile, columns
from graph.errors import SnapshotError
from graph.files import Progress
from graph.ids import Codes, Contents, IdMap
from graph.read_nodes import FRACTIONS
from graph.settings import Settings
from graph.snapshot import Manifest, Snapshot, finish, graph_id, load

__all__ = ["export"]

_READERS: Final = 2
_BLOCK: Final = 2_000
"""Sources asked for at once."""
_NODE_ROWS: Final = 50_000

_NODE_QUERIES: Final = {
    schema.USER: "export/users",
    schema.CONTENT: "export/contents",
    schema.GENRE: "export/genres",
    schema.MOOD: "export/moods",
    schema.HASHTAG: "export/hashtags",
}

#: The types that have many times more relationships than nodes: asked for in blocks of sources, or only the newer ones
#: by the time of their last change. Each of the others comes whole.
_LARGE: Final = (schema.FOLLOWS, schema.WATCHED)
_SLICE: Final = 2_000_000

Lookup = Callable[[pl.Series], Codes]


def export(
    graph: Graph, path: Path, settings: Settings, progress: Progress | None = None, *, since: int | None = None
) -> Manifest:
    """Write the whole graph to the folder ``path``, aside first, and return its manifest.

    ``since`` (ms): of follows and watches ask only for those with a newer time and take the others from the snapshot
    at ``path``; where that does not add up to what the graph holds, because some vanished, all are asked for.

    Raises SnapshotError when the graph holds no people or no content, or when there is no snapshot to take from;
    GraphError when Neo4j fails midway.
    """
    before = load(path) if since is not None else None
    counts = graph.read("export/counts", deadline_ms=0)[0]["counts"]
    implicit = not graph.read("export/any_engagement", deadline_ms=0)[0]["known"]
    with aside.folder(path) as folder:
        for name in ("nodes", "edges", "topology"):
            (folder / name).mkdir()
        ids = {}
        for label in schema.NODE_KEYS:
            nodes = _nodes(graph, label, progress)
            nodes.write_parquet(folder / "nodes" / f"{label}.parquet", compression_level=1)
            ids[label] = nodes[schema.NODE_KEYS[label]]
        if not len(ids[schema.USER]) or not len(ids[schema.CONTENT]):
            raise SnapshotError("The graph holds no people or no content.", do="Run `entourage import FOLDER` first.")
        lookups = {label: _lookup(label, own) for label, own in ids.items()}
        files = {}
        for type_, relationship in schema.RELATIONSHIPS.items():
            shape = len(ids[relationship.source]), len(ids[relationship.target])
            kept = None
            if before and since is not None and type_ in _LARGE:
                kept = _brought_up_to_date(graph, before, path, type_, lookups, since)
            with EdgeFile(folder, type_, shape, settings.engagement, implicit=implicit) as file:
                if kept is not None and kept.height == counts[type_]:
                    for edges in kept.iter_slices(_SLICE):
                        file.add(edges)
                elif counts[type_] and type_ in _LARGE:
                    for edges in _blocks(graph, type_, ids[relationship.source], lookups, progress):
                        file.add(edges)
                elif counts[type_]:
                    file.add(_whole(graph, type_, lookups))
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
        )
        finish(folder, manifest)
    return manifest


def node_columns(label: str) -> dict[str, pl.DataType]:
    """The columns of a label's file in a snapshot, the key first; times are ms, all but the key may be null."""
    columns_: dict[str, pl.DataType] = {schema.NODE_KEYS[label]: pl.String()}
    groups: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    if label == schema.USER:
        groups = (), schema.USER_TIMES, schema.USER_COUNTS, schema.USER_FLAGS
    elif label == schema.CONTENT:
        names = "kind", schema.KEAK_ID, schema.BEAT_ID, *schema.KEAK_TEXTS, *schema.BEAT_TEXTS
        counts = *schema.KEAK_COUNTS, *schema.BEAT_COUNTS
        groups = names, (*schema.KEAK_TIMES, *schema.BEAT_TIMES), counts, schema.KEAK_FLAGS
    else:
        groups = ("name",), (), (), ()
    numbers = {name: pl.Float64() if name in FRACTIONS else pl.Int64() for name in groups[2]}
    columns_ |= dict.fromkeys(groups[0], pl.String())
    return columns_ | dict.fromkeys(groups[1], pl.Int64()) | numbers | dict.fromkeys(groups[3], pl.Boolean())


def _nodes(graph: Graph, label: str, progress: Progress | None) -> pl.DataFrame:
    """All nodes of a label, sorted by id."""
    wanted = node_columns(label)
    key = schema.NODE_KEYS[label]
    parts: list[pl.DataFrame] = [pl.DataFrame(schema=wanted)]
    rows: list[dict[str, Any]] = []

    def flush() -> None:
        values = {name: [row.get(name) for row in rows] for name in wanted}
        parts.append(pl.DataFrame(values, schema=wanted, strict=False))
        rows.clear()

    for id_, properties in graph.stream(_NODE_QUERIES[label]):
        properties[key] = id_
        rows.append(properties)
        if len(rows) == _NODE_ROWS:
            flush()
            if progress:
                progress(0.0, f"exporting {label} nodes")
    flush()
    return pl.concat(parts).sort(key)


def _lookup(label: str, ids: pl.Series) -> Lookup:
    """Ids of a label → nids, -1 where unknown."""
    if label == schema.CONTENT:
        kinds = {}
        for prefix in (schema.KEAK_PREFIX, schema.BEAT_PREFIX):
            kinds[prefix] = IdMap()
            kinds[prefix].add(ids.filter(ids.str.starts_with(prefix)).str.strip_prefix(prefix))
        contents = Contents(*kinds.values())
        # One place more, for the code -1 of an unknown id.
        places = np.append(contents.places()[1], np.int32(-1))
        return lambda raw: places[contents.codes(raw)]
    map_ = IdMap()
    map_.add(ids)
    return map_.codes


def _whole(graph: Graph, type_: str, lookups: dict[str, Lookup]) -> pl.DataFrame:
    """All edges of a type."""
    ((sources, *others),) = graph.stream(f"export/{type_.lower()}")
    lookup = lookups[schema.RELATIONSHIPS[type_].source]
    return _frame(type_, lookup(pl.Series(sources, dtype=pl.String)), others, lookups)


def _blocks(
    graph: Graph, type_: str, sources: pl.Series, lookups: dict[str, Lookup], progress: Progress | None
) -> Iterator[pl.DataFrame]:
    """Blocks of edges with source, target (nids, sorted) and their properties, in order of their sources."""

    def ask(start: int) -> pl.DataFrame:
        ids = sources.slice(start, _BLOCK).to_list()
        ((places, *others),) = graph.stream(f"export/{type_.lower()}", ids=ids)
        return _frame(type_, np.array(places, dtype=np.int32) + np.int32(start), others, lookups)

    with ThreadPoolExecutor(_READERS) as pool:
        asked: deque[Future[pl.DataFrame]] = deque()
        try:
            for start in range(0, len(sources), _BLOCK):
                if len(asked) > _READERS:
                    yield asked.popleft().result()
                    if progress:
                        progress(start / len(sources), f"exporting {type_}")
                asked.append(pool.submit(ask, start))
            while asked:
                yield asked.popleft().result()
        finally:
            for future in asked:
                future.cancel()


def _brought_up_to_date(
    graph: Graph, before: Snapshot, path: Path, type_: str, lookups: dict[str, Lookup], since: int
) -> pl.DataFrame:
    """The edges of the snapshot at ``path`` with the graph's newer ones, under the new nids; null where unknown."""
    relationship = schema.RELATIONSHIPS[type_]
    wanted = {"source": pl.Int32(), "target": pl.Int32(), **columns(type_)}
    old = pl.read_parquet(path / "edges" / f"{type_}.parquet", columns=[*wanted])
    old = old.with_columns(pl.col(name).replace(NO_TIME, None) for name in TIMES if name in wanted)
    for side, label in (("source", relationship.source), ("target", relationship.target)):
        moved = lookups[label](before.nodes[label].ids)
        old = old.with_columns(pl.Series(side, moved[old[side].to_numpy()], dtype=pl.Int32))
    rows = list(zip(*graph.stream(f"export/{type_.lower()}_since", since=since), strict=True))
    if rows:
        ends = [
            lookups[label](pl.Series(ids, dtype=pl.String))
            for label, ids in zip((relationship.source, relationship.target), rows, strict=False)
        ]
        old = pl.concat([old, pl.DataFrame([*ends, *rows[2:]], schema=wanted, strict=False)])
    both = (pl.col("source") >= 0) & (pl.col("target") >= 0)
    return old.filter(both).unique(["source", "target"], keep="last").sort("source", "target")


def _frame(type_: str, source: Codes, others: list[list[Any]], lookups: dict[str, Lookup]) -> pl.DataFrame:
    """Edges from lists of target ids and properties; those whose ends are no nodes of ours are left out."""
    targets, *properties = others
    lookup = lookups[schema.RELATIONSHIPS[type_].target]
    frame = pl.DataFrame(
        {
            "source": source,
            "target": lookup(pl.Series(targets, dtype=pl.String)),
            **{
                name: pl.Series(values, dtype=dtype, strict=False)
                for (name, dtype), values in zip(columns(type_).items(), properties, strict=True)
            },
        }
    )
    return frame.filter((pl.col("source") >= 0) & (pl.col("target") >= 0)).sort("source", "target")
