"""Rows of the relationship files to relationships: one a pair, whatever was said about it folded together.

Every fold (highest, any, earliest, latest) gives the same whichever row comes first and however often it comes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["follows", "newest_last", "pairs", "watched"]

_FLAGS: Final = ("liked", "commented", "shared")
_LATEST: Final = np.iinfo(np.int64).max
_EARLIEST: Final = np.iinfo(np.int64).min

Array = npt.NDArray[Any]


class _Groups:
    """Rows sorted by (source, target), and where each pair starts."""

    def __init__(self, source: Array, target: Array) -> None:
        key = source.astype(np.int64) << 32
        key |= target.astype(np.int64)
        self.order = np.argsort(key)
        key = key[self.order]
        self.starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))) if len(key) else self.order
        unique = key[self.starts]
        self.source = (unique >> 32).astype(np.int32)
        self.target = (unique & 0xFFFFFFFF).astype(np.int32)

    def fold(self, how: np.ufunc, values: Array) -> Array:
        """``how`` over each pair's values, shape (pairs,)."""
        values = values[self.order]
        return values if len(self.starts) == len(values) else how.reduceat(values, self.starts)

    def sizes(self) -> Array:
        return np.diff(self.starts, append=len(self.order)).astype(np.int32)


def pairs(source: Array, target: Array) -> pl.DataFrame:
    """Each pair once, sorted."""
    groups = _Groups(source, target)
    return pl.DataFrame({"source": groups.source, "target": groups.target})


def follows(source: Array, target: Array, rows: pl.DataFrame) -> pl.DataFrame:
    """source, target, since: the earliest time (ms) a pair comes with, null where none does."""
    groups = _Groups(source, target)
    first = groups.fold(np.minimum, rows["since"].fill_null(_LATEST).to_numpy())
    return pl.DataFrame({"source": groups.source, "target": groups.target, "since": _time(first, _LATEST)})


def watched(source: Array, target: Array, rows: pl.DataFrame) -> pl.DataFrame:
    """The properties of WATCHED from rows with at, progress, liked, commented and shared; see graph/schema.py."""
    groups = _Groups(source, target)
    columns: dict[str, Any] = {"source": groups.source, "target": groups.target}
    progress = groups.fold(np.maximum, rows["progress"].fill_null(-1.0).to_numpy())
    columns["progress"] = pl.Series(progress).replace(-1.0, None)
    # Two bits a flag, known and true: all of them in one pass over the rows.
    bits = np.zeros(rows.height, dtype=np.uint8)
    for place, name in enumerate(_FLAGS):
        bits |= _known_true(rows[name]) << (2 * place)
    bits = groups.fold(np.bitwise_or, bits)
    for place, name in enumerate(_FLAGS):
        known, true = (pl.Series(bits & (part << (2 * place)) != 0) for part in (1, 2))
        columns[name] = pl.select(pl.when(known).then(true)).to_series()
    columns["watchCount"] = groups.sizes()
    columns["firstAt"] = _time(groups.fold(np.minimum, rows["at"].fill_null(_LATEST).to_numpy()), _LATEST)
    columns["lastAt"] = _time(groups.fold(np.maximum, rows["at"].fill_null(_EARLIEST).to_numpy()), _EARLIEST)
    return pl.DataFrame(columns)


def newest_last(edges: pl.DataFrame) -> pl.DataFrame:
    """The edges by time, unknown times first; as they are where the type has no time.

    Neo4j gives a node's relationships back in the reverse order of their making: what serving reads under a limit,
    from either end, is then the newest of it.
    """
    name = next((name for name in ("lastAt", "since") if name in edges.columns), None)
    if name is None or edges[name].null_count() == edges.height:
        return edges
    return edges.sort(name, nulls_last=False, maintain_order=True)


def _known_true(flags: pl.Series) -> Array:
    """0 where unknown, 1 where false, 3 where true."""
    return (flags.cast(pl.UInt8) * 2 + 1).fill_null(0).cast(pl.UInt8).to_numpy()


def _time(values: Array, unknown: int) -> pl.Series:
    return pl.Series(values, dtype=pl.Int64).replace(unknown, None)
