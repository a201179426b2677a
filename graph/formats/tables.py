"""A snapshot as tables: Parquet, CSV by id, DGL's CSV data set and the files of Neo4j's bulk importer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import polars.selectors as cs

from graph import schema
from graph.formats.hetero import edge_type, node_features
from graph.snapshot import NO_TIME, Edges, Snapshot
from graph.snapshot.arrays import Ints

__all__ = ["column", "edge_frame", "write_csv", "write_dgl", "write_neo4j", "write_parquet"]

_SLICE: Final = 2_000_000
"""Relationships written at once."""
_BETWEEN: Final = "\x1f"
"""Separates the values of a list in Neo4j's files."""
_NEO4J_TYPES: Final = {pl.String: "", pl.Int64: ":long", pl.Int32: ":int", pl.Boolean: ":boolean"}


def edge_frame(edges: Edges, first: int = 0, count: int | None = None) -> pl.DataFrame:
    """``count`` relationships from row ``first`` on: source and target (nids), then properties, null where unknown."""
    part = slice(first, None if count is None else first + count)
    frame = pl.DataFrame(
        {"source": edges.source[part], "target": edges.target[part]}
        | {name: column(edges, name, part) for name in edges.columns}
    )
    unknown = pl.col(pl.Int64).replace(NO_TIME, None), pl.col(pl.Float32, pl.Float64).fill_nan(None)
    return frame.with_columns(*unknown)


def column(edges: Edges, name: str, rows: slice | Ints) -> pl.Series:
    """The property ``name`` of some rows; a column of texts has the type of text even if all are unknown."""
    values = np.asarray(edges.columns[name])[rows]
    return pl.Series(name, values.tolist(), dtype=pl.String) if values.dtype.kind in "OU" else pl.Series(name, values)


def write_parquet(snapshot: Snapshot, folder: Path) -> None:
    """``nodes/<Label>.parquet``, row number = nid, and ``edges/<TYPE>.parquet`` with source and target nids."""
    for label, nodes in snapshot.nodes.items():
        nodes.frame.write_parquet(folder / "nodes" / f"{label}.parquet")
    for type_, edges in snapshot.edges.items():
        edge_frame(edges).write_parquet(folder / "edges" / f"{type_}.parquet")


def write_csv(snapshot: Snapshot, folder: Path) -> None:
    """``nodes/<Label>.csv`` and ``edges/<TYPE>.csv``, whose source and target are ids; lists are JSON text."""
    for label, nodes in snapshot.nodes.items():
        texts = (pl.col(name).map_elements(_json, return_dtype=pl.String) for name in _lists(nodes.frame))
        nodes.frame.with_columns(*texts).write_csv(folder / "nodes" / f"{label}.csv")
    for type_ in snapshot.edges:
        _write(_with_ids(snapshot, type_), folder / "edges" / f"{type_}.csv")


def write_dgl(snapshot: Snapshot, folder: Path) -> None:
    """The files of ``dgl.data.CSVDataset``: meta.yaml, and the numbers of each node and relationship, 0 if unknown.

    Labels and types without a row are left out: DGL reads no empty file.
    """
    about: dict[str, Any] = {"dataset_name": "entourage", "node_data": [], "edge_data": []}
    for label, nodes in snapshot.nodes.items():
        if nodes.count:
            numbers = pl.DataFrame(*node_features(snapshot, label), orient="row")
            numbers.insert_column(0, pl.Series("node_id", range(nodes.count)))
            numbers.write_csv(folder / "nodes" / f"{label}.csv")
            about["node_data"].append({"file_name": f"nodes/{label}.csv", "ntype": label})
    for type_, edges in snapshot.edges.items():
        if len(edges):
            parts = (
                part.drop(cs.string())
                .rename({"source": "src_id", "target": "dst_id"})
                .with_columns(pl.col(pl.Boolean).cast(pl.Int8), pl.col(pl.Int64, pl.Float32, pl.Float64).fill_null(0))
                for part in _slices(edges)
            )
            _write(parts, folder / "edges" / f"{type_}.csv")
            about["edge_data"].append({"file_name": f"edges/{type_}.csv", "etype": list(edge_type(type_))})
    (folder / "meta.yaml").write_text(json.dumps(about, indent=1))  # JSON is YAML


def write_neo4j(snapshot: Snapshot, folder: Path) -> None:
    """Files with the bulk importer's headers, and ``import.args`` with its arguments, relative to ``folder``.

    ``engagement`` is left out, because an export of the new graph computes it again.
    """
    arguments = [f"--array-delimiter=U+{ord(_BETWEEN):04X}", "--multiline-fields=true"]
    for label, nodes in snapshot.nodes.items():
        if not nodes.count:
            continue
        frame = nodes.frame
        if label == schema.CONTENT:
            frame = frame.with_columns(pl.col("kind").str.to_titlecase().alias(":LABEL")).drop("kind")
        headers = {name: _header(name, dtype) for name, dtype in frame.schema.items()}
        headers[nodes.key] = f"{nodes.key}:ID({label})"
        lists = (pl.col(name).list.join(_BETWEEN) for name in _lists(frame))
        frame.with_columns(*lists).rename(headers).write_csv(folder / "nodes" / f"{label}.csv")
        arguments.append(f"--nodes={label}=nodes/{label}.csv")
    for type_, edges in snapshot.edges.items():
        if not len(edges):
            continue
        ends = schema.RELATIONSHIPS[type_]
        names = {"source": f":START_ID({ends.source})", "target": f":END_ID({ends.target})"}
        parts = (part.drop("engagement", strict=False).rename(names) for part in _with_ids(snapshot, type_))
        typed = (part.rename({name: _header(name, dtype) for name, dtype in part.schema.items()}) for part in parts)
        _write(typed, folder / "edges" / f"{type_}.csv")
        arguments.append(f"--relationships={type_}=edges/{type_}.csv")
    (folder / "import.args").write_text("\n".join(arguments) + "\n")


def _with_ids(snapshot: Snapshot, type_: str) -> Iterator[pl.DataFrame]:
    ends = schema.RELATIONSHIPS[type_]
    sources, targets = snapshot.nodes[ends.source].ids, snapshot.nodes[ends.target].ids
    for part in _slices(snapshot.edges[type_]):
        yield part.with_columns(sources.gather(part["source"]).alias("source")).with_columns(
            targets.gather(part["target"]).alias("target")
        )


def _slices(edges: Edges) -> Iterator[pl.DataFrame]:
    for first in range(0, max(len(edges), 1), _SLICE):
        yield edge_frame(edges, first, _SLICE)


def _write(parts: Iterable[pl.DataFrame], path: Path) -> None:
    with path.open("wb") as file:
        for number, part in enumerate(parts):
            part.write_csv(file, include_header=number == 0)


def _lists(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == pl.List]


def _json(values: pl.Series) -> str:
    return json.dumps(values.to_list(), ensure_ascii=False)


def _header(name: str, dtype: pl.DataType) -> str:
    """A column's name with its type, as the bulk importer's header needs it."""
    if ":" in name:
        return name
    return f"{name}:string[]" if dtype == pl.List else name + _NEO4J_TYPES.get(type(dtype), ":double")
