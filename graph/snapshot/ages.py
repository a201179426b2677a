"""Ages of watches and follows, used for recency and for splits in time."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.snapshot.format import NO_TIME, Snapshot

__all__ = ["DAY", "ages", "created", "days_before", "fading", "newest_watch", "timed"]

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]

DAY: Final = 86_400_000
"""In milliseconds."""
_TIMED: Final = 0.5
"""Times are used only if more than this share of the watches (or follows) have one. By hand."""
_ASTRAY: Final = 0.001
"""Share of the times, at either end, that are ignored as errors of a clock. By hand."""


def created(snapshot: Snapshot) -> Times:
    """When each content was created, ms, shape (contents,); NO_TIME where that is not known."""
    column = snapshot.contents.column("createdAt")
    if column is None:
        return np.full(snapshot.contents.count, NO_TIME, dtype=np.int64)
    return column.cast(pl.Int64).fill_null(NO_TIME).to_numpy()


def timed(snapshot: Snapshot) -> bool:
    """Whether more than half of the watches have a time."""
    last = snapshot.watched.columns.get("lastAt")
    return last is not None and _known(np.asarray(last))


def ages(snapshot: Snapshot) -> Floats | None:
    """Age of every watch in days (`days_before` the newest), shape (watches,), float32; None if not `timed`."""
    last = snapshot.watched.columns.get("lastAt")
    return None if last is None else days_before(np.asarray(last))


def days_before(times: Times, now: int | None = None) -> Floats | None:
    """Days from each of ``times`` (N,) to ``now`` or to the newest of them (all in milliseconds); 0 for later times.

    None unless more than half are known. One in a thousand times at each end are clipped to the others, because a
    single date far in the future would make everything else old. An unknown time counts as the oldest.
    """
    if not _known(times):
        return None
    oldest, newest = _bounds(times)
    now = int(newest) if now is None else now
    return np.asarray((now - np.clip(times, oldest, min(newest, now))).astype(np.float32) / np.float32(DAY))


def newest_watch(snapshot: Snapshot) -> int | None:
    """Time in ms of the newest watch, after the clipping of `days_before`; None if watches are not `timed`."""
    last = snapshot.watched.columns.get("lastAt")
    return int(_bounds(np.asarray(last))[1]) if last is not None and _known(np.asarray(last)) else None


def _bounds(times: Times) -> npt.NDArray[np.int64]:
    """The oldest and the newest known time, without one in a thousand at each end, shape (2,)."""
    return np.asarray(np.quantile(times[times != NO_TIME], (_ASTRAY, 1.0 - _ASTRAY), method="nearest"))


def _known(times: Times) -> bool:
    return len(times) > 0 and bool((times != NO_TIME).mean() > _TIMED)


def fading(snapshot: Snapshot, half_life: float) -> Floats:
    """Weight of each watch, (watches,): half after ``half_life`` days; 1 for a half-life of 0 or without times."""
    days = ages(snapshot) if half_life else None
    if days is None:
        return np.ones(len(snapshot.watched), dtype=np.float32)
    return np.asarray(np.exp2(days / np.float32(-half_life)))
