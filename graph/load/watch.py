"""What a watch is, and how everything that is said about a pair folds: one definition for files and events.

**A watch** is one person, one content, one millisecond. It counts once however often and by whatever way it arrives: a
row of a file, an event, or both. ``WATCHED`` holds what is known about one person and one content:

- ``firstAt`` and ``lastAt``: the time of the first and of the last watch (ms since 1970).
- ``watchCount``: the number of watches, at most `MAX_TIMES`. ``times`` lists their times, oldest first, where there are
  more than two; of more than `MAX_TIMES` the newest stay. Rows without a time count as one watch where no time is
  known, and as none beside a time.
- ``progress``: the highest, with the precision of float32.
- ``liked``, ``commented``, ``shared``: the last word. True from a row or an event that says so until it is taken back
  (unlike, delete_comment, unshare); false where that, or a row, says so; absent where nothing is known. ``likedAt``,
  ``commentedAt``, ``sharedAt``: the time of that last word, 0 where it came without a time. At the same millisecond
  the taking back wins. What comes without a time does not undo a taking back.

A like, a comment or a share is no watch: it changes no time and no count. It makes the pair known where nobody watched.

``Content.audience`` is the number of people with a watch of it. ``Content.trend`` is the logarithm of the sum of
``exp(RATE * lastAt)`` over them (Cormode et al., "Forward decay", ICDE 2009): one pulse for each person, at their last
watch, which weighs half as much after `HALF_LIFE_MS`. Fifty watches of one person are one pulse. The engagement of a
pair, the label for training, is in ``graph/snapshot/engagement.py``.

**A follow**: ``FOLLOWS.since`` is the time of the last follow; unknown where none has a time.

Each of these folds is commutative, associative and idempotent: order and repetition change nothing. This module folds
rows of files; ``cypher/load/watched``, ``cypher/load/follows`` and ``cypher/events/`` do the same in the graph.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = [
    "DIGITS",
    "HALF_LIFE_MS",
    "MAX_TIMES",
    "RATE",
    "REPEATED",
    "exact",
    "follows",
    "newest_last",
    "pairs",
    "progress",
    "trends",
    "watched",
    "whole",
    "written",
]

HALF_LIFE_MS: Final = 3 * 24 * 3_600_000
"""A watch weighs half as much for what trends after three days."""
RATE: Final = math.log(2) / HALF_LIFE_MS
"""Growth of the logarithm of a watch's weight, per millisecond."""
DIGITS: Final = 7
"""Decimal digits of a share: as many as 32 bits hold."""
MAX_TIMES: Final = 1_000
"""Watches of one pair that are counted."""

FLAGS: Final = ("liked", "commented", "shared")
_FLAG_TIMES: Final = tuple(f"{name}At" for name in FLAGS)
REPEATED: Final[dict[str, pl.DataType]] = {
    "source": pl.Int32(),
    "target": pl.Int32(),
    "times": pl.List(pl.Int64()),
    **dict.fromkeys(_FLAG_TIMES, pl.Int64()),
}
"""Columns of the second frame of `watched`."""
_LATEST: Final = np.iinfo(np.int64).max
_EARLIEST: Final = np.iinfo(np.int64).min
_SLICE: Final = 4_000_000

Array = npt.NDArray[Any]
Shares = TypeVar("Shares", pl.Expr, pl.Series)


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
    """source, target, since: the latest time (ms) a pair comes with, null where none does."""
    groups = _Groups(source, target)
    last = groups.fold(np.maximum, rows["since"].fill_null(_EARLIEST).to_numpy())
    return pl.DataFrame({"source": groups.source, "target": groups.target, "since": _time(last, _EARLIEST)})


def watched(source: Array, target: Array, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fold rows with at, progress, liked, commented and shared into one row a pair.

    Returns the pairs, sorted, with progress, liked, commented, shared, watchCount, firstAt and lastAt; and, for those
    of several rows only (`REPEATED`), times and the time of each true flag: `whole` puts the two together. Apart, so
    that the many pairs of one row cost no room.
    """
    groups = _Groups(source, target)
    columns: dict[str, Any] = {"source": groups.source, "target": groups.target}
    highest = groups.fold(np.maximum, rows["progress"].fill_null(-1.0).to_numpy())
    columns["progress"] = pl.Series(highest).replace(-1.0, None)
    # Two bits a flag, known and true: all of them in one pass over the rows.
    bits = np.zeros(rows.height, dtype=np.uint8)
    for place, name in enumerate(FLAGS):
        bits |= _known_true(rows[name]) << (2 * place)
    bits = groups.fold(np.bitwise_or, bits)
    for place, name in enumerate(FLAGS):
        known, true = (pl.Series(bits & (part << (2 * place)) != 0) for part in (1, 2))
        columns[name] = pl.select(pl.when(known).then(true)).to_series()
    columns["watchCount"] = np.ones(len(groups.starts), dtype=np.int32)
    columns["firstAt"] = _time(groups.fold(np.minimum, rows["at"].fill_null(_LATEST).to_numpy()), _LATEST)
    columns["lastAt"] = _time(groups.fold(np.maximum, rows["at"].fill_null(_EARLIEST).to_numpy()), _EARLIEST)
    frame = pl.DataFrame(columns)
    several = np.flatnonzero(groups.sizes() > 1)
    if not len(several):
        return frame, pl.DataFrame(schema=REPEATED)
    counts, repeated = _repeated(groups, rows, several)
    return frame.with_columns(frame["watchCount"].scatter(several, counts)), repeated


def _repeated(groups: _Groups, rows: pl.DataFrame, several: Array) -> tuple[pl.Series, pl.DataFrame]:
    """The number of watches of each of the pairs ``several``, and what `watched` returns of them beside."""
    sizes = groups.sizes()[several]
    first = np.repeat(groups.starts[several] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    place = groups.order[first + np.arange(int(sizes.sum()))]
    own = rows.select("at", *FLAGS)[place].with_columns(pl.Series("pair", np.repeat(several, sizes)))
    said = own.group_by("pair").agg(
        pl.col("at").drop_nulls().unique().sort().tail(MAX_TIMES).alias("times"),
        *(pl.col("at").fill_null(0).filter(pl.col(name)).max().alias(f"{name}At") for name in FLAGS),
    )
    said = said.sort("pair").select(
        pl.Series("source", groups.source[several]),
        pl.Series("target", groups.target[several]),
        pl.col("times"),
        *_FLAG_TIMES,
    )
    counts = said["times"].list.len().cast(pl.Int32).clip(lower_bound=1)
    times = pl.when(pl.col("times").list.len() > 2).then(pl.col("times"))
    return counts, said.with_columns(times.alias("times")).cast(dict(REPEATED))


def whole(edges: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """Some pairs of `watched` in their order, with times, likedAt, commentedAt and sharedAt: all of WATCHED."""
    joined = edges.join(repeated, on=["source", "target"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(pl.col(name)).then(pl.coalesce(f"{name}At", "lastAt", pl.lit(0))).cast(pl.Int64).alias(f"{name}At")
        for name in FLAGS
    )


def exact(edges: pl.DataFrame) -> pl.DataFrame:
    """The same with progress as the double that is written like the float, as `progress` does for one."""
    return edges.with_columns(pl.col("progress").cast(pl.String).cast(pl.Float64))


def progress(share: float) -> float:
    """A progress as the graph keeps it: files are read with the precision of float32, so events are too."""
    return float(str(np.float32(share)))


def written(shares: Shares) -> Shares:
    """Shares in float32 as other relationships hold them: .78 instead of .779999, as the bulk importer writes."""
    return shares.cast(pl.Float64).round(DIGITS)


def trends(target: Array, last_at: pl.Series, contents: int) -> tuple[Array, pl.Series]:
    """Audience and trend of each content from the targets and last watches (null where unknown) of pairs with a watch.

    Shapes (contents,); the trend is null where no watch has a time.
    """
    audience = np.bincount(target, minlength=contents)
    newest = np.full(contents, _EARLIEST)
    total = np.zeros(contents)
    for turn in ("newest", "total"):
        for start in range(0, len(target), _SLICE):
            part = last_at.slice(start, _SLICE)
            known = part.is_not_null().to_numpy()
            ends, at = target[start : start + _SLICE][known], part.drop_nulls().to_numpy()
            if turn == "newest":
                np.maximum.at(newest, ends, at)
            else:
                total += np.bincount(ends, weights=np.exp((at - newest[ends]) * RATE), minlength=contents)
    timed = newest != _EARLIEST
    trend = np.where(timed, np.where(timed, newest, 0) * RATE + np.log(np.where(timed, total, 1.0)), np.nan)
    return audience, pl.Series("trend", trend).fill_nan(None)


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
