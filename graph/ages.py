"""How old every watch is: what fading and cuts in time go by."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from graph.snapshot import NO_TIME, Snapshot

__all__ = ["DAY", "ages", "fading", "timed"]

Floats = npt.NDArray[np.float32]

DAY: Final = 86_400_000
"""In milliseconds."""
_TIMED: Final = 0.5
"""Share of the watches that must have a time before times are looked at."""
_ASTRAY: Final = 0.001
"""Share of the times, at either end, that may come from a clock gone wrong."""


def timed(snapshot: Snapshot) -> bool:
    """Whether more than half of the watches have a time."""
    last = snapshot.watched.columns.get("lastAt")
    return last is not None and len(last) > 0 and bool((np.asarray(last) != NO_TIME).mean() > _TIMED)


def ages(snapshot: Snapshot) -> Floats | None:
    """Days between each watch and the newest, shape (watches,), float32; None where they are not `timed`.

    The newest and the oldest are those of all but one watch in a thousand, and nothing is newer or older: a single date
    far in the future would make everything else old. A watch without a time is as old as the oldest.
    """
    if not timed(snapshot):
        return None
    last = np.asarray(snapshot.watched.columns["lastAt"])
    oldest, newest = np.quantile(last[last != NO_TIME], (_ASTRAY, 1.0 - _ASTRAY), method="nearest")
    return np.asarray((newest - np.clip(last, oldest, newest)).astype(np.float32) / np.float32(DAY))


def fading(snapshot: Snapshot, half_life: float) -> Floats:
    """What each watch counts, shape (watches,): half after ``half_life`` days; 1 for a half-life of 0, or untimed."""
    days = ages(snapshot) if half_life else None
    if days is None:
        return np.ones(len(snapshot.watched), dtype=np.float32)
    return np.asarray(np.exp2(days / np.float32(-half_life)))
