"""Write the relationships of one type into a snapshot folder, block after block."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from graph import schema
from graph.settings import Engagement
from graph.snapshot.arrays import NO_TIME, Array
from graph.snapshot.engagement import engagement
from graph.snapshot.format import MAPPED_COLUMNS, write_topology

__all__ = ["TIMES", "EdgeFile", "columns"]

TIMES: Final = ("since", "at", "firstAt", "lastAt")
#: The type of each property of a relationship; those that are not here are flags.
_TYPES: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(("progress", "share", "propensity", "ratio"), pl.Float32()),
    **dict.fromkeys(("watchCount", "place", "row"), pl.Int32()),
    "arm": pl.String(),
    **dict.fromkeys(TIMES, pl.Int64()),
}


def columns(type_: str) -> dict[str, pl.DataType]:
    """The properties of a relationship type as the graph holds them, in the order of ``graph.schema``."""
    return {name: _TYPES.get(name, pl.Boolean()) for name in schema.RELATIONSHIPS[type_].properties}


class EdgeFile:
    """The Parquet file of one type and its arrays; ``add`` blocks in order of their sources, then leave the block."""

    def __init__(
        self, folder: Path, type_: str, shape: tuple[int, int], weights: Engagement, *, implicit: bool
    ) -> None:
        self._folder = folder
        self._type = type_
        self._shape = shape
        self._weights = weights
        self._implicit = implicit
        self._writer: pq.ParquetWriter | None = None
        self._kept: list[pl.DataFrame] = []
        self.count = 0
        self.newest = NO_TIME
        self.engagements = (1.0, 0.0)
        """The least and the greatest."""

    def add(self, edges: pl.DataFrame) -> None:
        """Append edges with source, target (nids, sorted) and the columns of ``columns``, null where unknown."""
        known = [pl.col(name).fill_null(NO_TIME) for name in edges.columns if name in TIMES]
        frame = edges.with_columns(known)
        if self._type == schema.WATCHED:
            label = engagement(edges, self._weights, implicit=self._implicit)
            frame = frame.insert_column(2, label)
            if len(label):
                self.engagements = (
                    min(self.engagements[0], float(label.min())),  # type: ignore[arg-type]
                    max(self.engagements[1], float(label.max())),  # type: ignore[arg-type]
                )
                self.newest = max(self.newest, int(frame["lastAt"].max()))  # type: ignore[arg-type]
        self._write(frame)
        kept = ["source", "target", *(c for c in MAPPED_COLUMNS.get(self._type, ()) if c in frame.columns)]
        self._kept.append(frame.select(kept))
        self.count += frame.height

    def _write(self, frame: pl.DataFrame) -> None:
        table: pa.Table = frame.to_arrow()
        if self._writer is None:
            path = self._folder / "edges" / f"{self._type}.parquet"
            self._writer = pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        if frame.height:
            self._writer.write_table(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            if self._writer is None:
                self.add(pl.DataFrame(schema={"source": pl.Int32, "target": pl.Int32, **columns(self._type)}))
            self._write_arrays()
        if self._writer:
            self._writer.close()

    def _write_arrays(self) -> None:
        kept = pl.concat(self._kept)
        self._kept.clear()
        count, width = self._shape
        indptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(kept["source"].to_numpy(), minlength=count), out=indptr[1:])
        mapped: dict[str, Array] = {name: kept[name].to_numpy() for name in kept.columns[2:]}
        write_topology(self._folder, self._type, indptr, kept["target"].to_numpy(), width, mapped)
