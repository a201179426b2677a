"""Who watched, played or listed what, and how much of it: the rows of any folder in one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.files.tables import Tables
from recommenders.core.top_k import Floats, Ints

__all__ = ["FLAGS", "Matrix", "Rows", "held_out", "rows_of", "sums"]

FLAGS: Final = ("liked", "commented", "shared")
_WHOLE: Final = 0.8
"""From this share on a share that is at most 1 counts as positive."""
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """One form for all kinds of folders; ``source`` and ``target`` are places in the tables' ids, shape (n,)."""

    one: str
    """What a row is, in words."""
    what: str
    """What its value is, in words; empty where no row has one."""
    label: str
    """Whose rows they are: User, or Playlist."""
    source: Ints
    target: Ints
    values: Floats
    """NaN where unknown."""
    flags: dict[str, npt.NDArray[np.bool_]]
    """Of each row: whether it was liked, …; only those that are known of any."""
    positive: float
    """A value above this is a positive one."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.values)

    @property
    def unclipped(self) -> bool:
        return self.positive >= 1.0


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given


def rows_of(tables: Tables, positive: float | None = None) -> Rows:
    """The finest rows that the tables have: watch ratios, plays in sessions, places in playlists, else watches."""
    edges = {type_: frame for type_, frame in tables.edges.items() if frame.height}
    if schema.WATCH_RATIO in edges:
        frame = edges[schema.WATCH_RATIO]
        flags = _flags_of_pairs(frame, edges[schema.WATCHED])
        return _rows("watch", "watch ratio", schema.USER, frame, frame["ratio"], flags, _or(positive, 1.0))
    if schema.PLAYED in edges and schema.OPENED in edges:
        user = np.full(tables.ids[schema.SESSION].len(), -1, dtype=np.int64)
        opened = edges[schema.OPENED]
        user[opened["target"].to_numpy()] = opened["source"].to_numpy()
        frame = edges[schema.PLAYED].with_columns(pl.Series("source", user).gather(edges[schema.PLAYED]["source"]))
        return _rows("play", "share heard", schema.USER, frame, frame["share"], {}, _or(positive, _WHOLE))
    if schema.HOLDS in edges:
        frame = edges[schema.HOLDS]
        return _rows("place in a playlist", "", schema.PLAYLIST, frame, None, {}, _or(positive, 1.0))
    frame = tables.edges.get(schema.WATCHED, pl.DataFrame(schema={"source": pl.Int32, "target": pl.Int32}))
    progress = frame["progress"] if "progress" in frame.columns else None
    what = "progress" if progress is not None and progress.null_count() < frame.height else ""
    flags = {name: frame[name] for name in FLAGS if name in frame.columns}
    return _rows("watched content", what, schema.USER, frame, progress, flags, _or(positive, _WHOLE))


def held_out(tables: Tables) -> Floats:
    """The ratios that only judge, shape (n,)."""
    frame = tables.edges.get(schema.HELD_OUT)
    return np.empty(0, dtype=np.float32) if frame is None else frame["ratio"].to_numpy().astype(np.float32)


def _rows(
    one: str,
    what: str,
    label: str,
    frame: pl.DataFrame,
    values: pl.Series | None,
    flags: dict[str, pl.Series],
    positive: float,
) -> Rows:
    count = frame.height
    found = np.full(count, np.nan, dtype=np.float32)
    if values is not None:
        found = values.cast(pl.Float32).fill_null(np.nan).to_numpy()
    told = {name: flag.fill_null(value=False).to_numpy() for name, flag in flags.items() if flag.null_count() < count}
    source, target = (frame[end].to_numpy().astype(np.int64) for end in ("source", "target"))
    return Rows(one, what, label, source, target, found, told, positive)


def _flags_of_pairs(frame: pl.DataFrame, watched: pl.DataFrame) -> dict[str, pl.Series]:
    """What is known of each row's pair: rows of ratios carry no flags of their own."""
    names = [name for name in FLAGS if watched[name].null_count() < watched.height]
    if not names:
        return {}
    joined = frame.select("source", "target").join(
        watched.select("source", "target", *names), on=["source", "target"], how="left", maintain_order="left"
    )
    return {name: joined[name] for name in names}


def sums(ends: Ints, count: int, weights: npt.NDArray[Any] | None = None) -> Matrix:
    """Sum of the weights (or the number of rows) of each end, shape (count,)."""
    return np.bincount(ends, weights=weights, minlength=count).astype(np.float64)
