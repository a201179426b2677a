"""How old watches and follows are: what fading and cuts in time go by."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from graph.snapshot.format import NO_TIME, Snapshot

__all__ = ["DAY", "ages", "days_before", "fading", "newest_watch", "timed"]

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]

DAY: Final = 86_400_000
"""In milliseconds."""
_TIMED: Final = 0.5
"""Share of them that must have a time before times are looked at."""
_ASTRAY: Final = 0.001
"""Share of the times, at either end, that may come from a clock gone wrong."""


def timed(snapshot: Snapshot) -> bool:
    """Whether more than half of the watches have a time."""
    last = snapshot.watched.columns.get("lastAt")
    return last is not None and _known(np.asarray(last))


def ages(snapshot: Snapshot) -> Floats | None:
    """`days_before` the newest of every watch, shape (watches,), float32; None where they are not `timed`."""
    last = snapshot.watched.columns.get("lastAt")
    return None if last is None else days_before(np.asarray(last))


def days_before(times: Times, now: int | None = None) -> Floats | None:
    """Days between each of ``times`` (N,) and ``now``, or the newest of them, all in milliseconds; 0 for what is later.

    None unless more than half are known. The newest and the oldest are those of all but one in a thousand, and nothing
    is newer or older: a single date far in the future would make everything else old. What has no time is as old as the
    oldest.
    """
    if not _known(times):
        return None
    oldest, newest = _bounds(times)
    now = int(newest) if now is None else now
    return np.asarray((now - np.clip(times, oldest, min(newest, now))).astype(np.float32) / np.float32(DAY))


def newest_watch(snapshot: Snapshot) -> int | None:
    """When the newest watch was, but for those that `days_before` passes over, in ms; None if not `timed`."""
    last = snapshot.watched.columns.get("lastAt")
    return int(_bounds(np.asarray(last))[1]) if last is not None and _known(np.asarray(last)) else None


def _bounds(times: Times) -> npt.NDArray[np.int64]:
    """The oldest and the newest of the known times but one in a thousand, shape (2,)."""
    return np.asarray(np.quantile(times[times != NO_TIME], (_ASTRAY, 1.0 - _ASTRAY), method="nearest"))


def _known(times: Times) -> bool:
    return len(times) > 0 and bool((times != NO_TIME).mean() > _TIMED)


def fading(snapshot: Snapshot, half_life: float) -> Floats:
    """What each watch counts, shape (watches,): half after ``half_life`` days; 1 for a half-life of 0, or untimed."""
    days = ages(snapshot) if half_life else None
    if days is None:
        return np.ones(len(snapshot.watched), dtype=np.float32)
    return np.asarray(np.exp2(days / np.float32(-half_life)))
