"""Nodes and edges as arrays: the parts of a snapshot.

``nid`` counts from 0 within a label. Times are int64 milliseconds since 1970 with ``NO_TIME`` where unknown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.errors import NotFound, UnknownContent, UnknownUser

__all__ = ["NO_TIME", "Array", "Csr", "Edges", "Ints", "Nodes", "Parquet", "transpose"]

NO_TIME: Final = np.iinfo(np.int64).min
_MANY: Final = 500_000
"""Ids above which none are mapped: a map of a million takes 120 MB in every worker, halving takes 3 µs an id."""
Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Csr:
    """Neighbours by node: those of ``n`` are ``neighbour[indptr[n]:indptr[n + 1]]``, edge rows in ``row``."""

    indptr: Ints
    neighbour: npt.NDArray[np.int32]
    row: Ints | None
    """None when the rows are simply 0..E-1."""

    def of(self, node: int) -> npt.NDArray[np.int32]:
        """The neighbours of one node."""
        return self.neighbour[self.indptr[node] : self.indptr[node + 1]]


class Parquet:
    """A Parquet file that is opened now and read later, so that a file which replaces it meanwhile is not mixed in."""

    def __init__(self, path: Path) -> None:
        self._mapped = np.memmap(path, dtype=np.uint8, mode="r")

    def read(self, columns: list[str] | None = None) -> pl.DataFrame:
        """Read the given columns, or all."""
        return pl.read_parquet(self._mapped.tobytes(), columns=columns)


class Nodes:
    """The nodes of one label, in nid order."""

    def __init__(self, label: str, frame: pl.DataFrame | Parquet, count: int) -> None:
        self.label = label
        self.key = schema.NODE_KEYS[label]
        self.count = count
        self._source = frame

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All properties, one row a node, row number = nid."""
        return self._source if isinstance(self._source, pl.DataFrame) else self._source.read()

    def column(self, name: str) -> pl.Series | None:
        """One property in nid order, read without the others; None where the file has no such column."""
        if isinstance(self._source, pl.DataFrame):
            return self._source[name] if name in self._source.columns else None
        try:
            return self._source.read([name])[name]
        except pl.exceptions.ColumnNotFoundError:
            return None

    @cached_property
    def ids(self) -> pl.Series:
        """The ids as strings, in nid order."""
        if isinstance(self._source, pl.DataFrame):
            return self._source[self.key]
        return self._source.read([self.key])[self.key]

    @cached_property
    def keys(self) -> list[str]:
        """`ids` as a list that is made once; not to be changed."""
        return self.ids.to_list()

    @cached_property
    def _nid_of(self) -> dict[str, int] | None:
        """Id → nid; None for many ascending ids, as an export writes them: a binary search finds them without a map."""
        keys = self.keys
        if self.count > _MANY and all(key < following for key, following in pairwise(keys)):
            return None
        return {key: nid for nid, key in enumerate(keys)}

    def nid(self, key: str) -> int | None:
        """The nid of one id; None for one that is not here."""
        if self._nid_of is not None:
            return self._nid_of.get(key)
        place = bisect_left(self.keys, key)
        return place if place < self.count and self.keys[place] == key else None

    def nids(self, ids: Iterable[str]) -> Ints:
        """The nids of ``ids``. Raises UnknownUser, UnknownContent or NotFound at the first id that is not here."""
        return np.fromiter((self._known(key) for key in ids), dtype=np.int64)

    def _known(self, key: str) -> int:
        nid = self.nid(key)
        if nid is None:
            kind = {schema.USER: UnknownUser, schema.CONTENT: UnknownContent}.get(self.label, NotFound)
            raise kind(
                f"No {self.label.lower()} has the id {key!r} in this snapshot.",
                do="Check the id, or run `entourage export` if it is new.",
            )
        return nid

    def known(self, ids: Iterable[str]) -> Ints:
        """The nids of those of ``ids`` that are here."""
        return self.nids(key for key in ids if key in self)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.nid(key) is not None

    def __len__(self) -> int:
        return self.count


class Edges:
    """The relationships of one type as CSR by source, with their properties in the same row order."""

    def __init__(
        self, type_: str, indptr: Ints, target: npt.NDArray[np.int32], width: int, columns: Mapping[str, Array]
    ) -> None:
        self.type = type_
        self.width = width
        """Number of target nodes."""
        self.indptr = indptr
        self.target = target
        self.columns = columns
        """Property name → array of shape (E,), read when first asked for."""

    @property
    def count(self) -> int:
        return len(self.target)

    def __len__(self) -> int:
        return self.count

    @cached_property
    def source(self) -> npt.NDArray[np.int32]:
        """Source nid of every row, shape (E,)."""
        return np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int32), np.diff(self.indptr))

    @property
    def outgoing(self) -> Csr:
        return Csr(self.indptr, self.target, None)

    @cached_property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Which rows of ``WATCHED`` hold a watch and not only a like, a comment or a share, shape (E,)."""
        counts = self.columns.get("watchCount")
        return np.ones(len(self), dtype=bool) if counts is None else np.asarray(counts) > 0

    @cached_property
    def incoming(self) -> Csr:
        """CSR by target."""
        return transpose(self.indptr, self.target, self.width)

    @classmethod
    def build(
        cls, type_: str, source: Array, target: Array, shape: tuple[int, int], columns: Mapping[str, Array]
    ) -> Edges:
        """Sort edges given in any order; ``shape`` counts source and target nodes. Keeps repeated pairs."""
        count, width = shape
        order = np.lexsort((target, source))
        indptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(np.asarray(source), minlength=count), out=indptr[1:])
        sorted_columns = {name: np.asarray(values)[order] for name, values in columns.items()}
        return cls(type_, indptr, np.asarray(target)[order].astype(np.int32), width, sorted_columns)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Edges:
        """The edges where ``mask`` (shape (E,)) is true, as a new object in memory."""
        kept = np.concatenate(([0], np.cumsum(mask)))
        columns = {name: self.columns[name][mask] for name in self.columns}
        return Edges(self.type, kept[self.indptr], self.target[mask], self.width, columns)


def transpose(indptr: Ints, target: npt.NDArray[np.int32], width: int) -> Csr:
    """CSR by target. scipy's csr → csc conversion is a counting sort, so rows stay in order within a target."""
    rows = np.arange(len(target), dtype=np.int64)
    forward = sp.csr_array((rows, target, indptr), shape=(len(indptr) - 1, width))
    backward = forward.tocsc()
    return Csr(
        backward.indptr.astype(np.int64), backward.indices.astype(np.int32), np.asarray(backward.data, dtype=np.int64)
    )
