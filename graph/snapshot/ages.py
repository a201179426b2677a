"""Ages of watches and follows, used for recency and for splits in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.snapshot.derived import derived
from graph.snapshot.format import NO_TIME, Snapshot

__all__ = ["DAY", "Span", "ages", "created", "fading", "newest_watch", "timed", "watch_span"]

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]

DAY: Final = 86_400_000
"""Milliseconds of a day."""
_TIMED: Final = 0.5
"""Times are used only if more than this share of the watches (or follows) have one. By hand."""
_ASTRAY: Final = 0.001
"""Share of the times, at either end, that are ignored as errors of a clock. By hand."""
_SPANS: Final[WeakKeyDictionary[Snapshot, Span | None]] = WeakKeyDictionary()
"""The span of each snapshot's watches: the quantiles of 29 million take a second."""


def created(snapshot: Snapshot) -> Times:
    """When each content was created, ms, shape (contents,); NO_TIME where that is not known."""
    column = snapshot.contents.column("createdAt")
    if column is None:
        return np.full(snapshot.contents.count, NO_TIME, dtype=np.int64)
    return column.cast(pl.Int64).fill_null(NO_TIME).to_numpy()


def timed(snapshot: Snapshot) -> bool:
    """Whether more than half of the watches have a time."""
    return watch_span(snapshot) is not None


def ages(snapshot: Snapshot) -> Floats | None:
    """Age of every watch, in days before the newest, shape (watches,), float32; None if not `timed`."""
    span = watch_span(snapshot)
    return None if span is None else span.days(np.asarray(snapshot.watched.columns["lastAt"]))


@dataclass(frozen=True)
class Span:
    """The time that some edges cover, in milliseconds. One in a thousand times at each end counts as the others do.

    Otherwise a single date far in the future would make everything else old.
    """

    oldest: int
    newest: int
    now: int
    """The time from which ages are measured."""

    @classmethod
    def of(cls, times: Times, now: int | None = None) -> Self | None:
        """The span of ``times`` (N,) until ``now`` or the newest of them; None unless more than half are known."""
        if not _known(times):
            return None
        oldest, newest = np.quantile(times[times != NO_TIME], (_ASTRAY, 1.0 - _ASTRAY), method="nearest")
        return cls(int(oldest), int(newest), int(newest) if now is None else now)

    def days(self, times: Times) -> Floats:
        """Days from each of ``times`` (N,) to `now`, float32; 0 for later times, and an unknown one is the oldest."""
        clipped = np.clip(times, self.oldest, min(self.newest, self.now))
        return np.asarray((self.now - clipped).astype(np.float32) / np.float32(DAY))

    @property
    def longest(self) -> np.float32:
        """The highest of `days`."""
        return np.float32(self.days(np.array([self.oldest]))[0])


def watch_span(snapshot: Snapshot) -> Span | None:
    """The time that the watches cover, worked out once; None if they are not `timed`."""
    if snapshot not in _SPANS:
        found = derived(snapshot, "span", lambda: {"times": _span(snapshot)})["times"]
        _SPANS[snapshot] = Span(*found.tolist()) if len(found) else None
    return _SPANS[snapshot]


def _span(snapshot: Snapshot) -> Times:
    """The fields of `watch_span`; none where that is None."""
    last = snapshot.watched.columns.get("lastAt")
    span = None if last is None else Span.of(np.asarray(last))
    return np.array([] if span is None else [span.oldest, span.newest, span.now], dtype=np.int64)


def newest_watch(snapshot: Snapshot) -> int | None:
    """Time in ms of the newest watch, as `Span` has it; None if watches are not `timed`."""
    span = watch_span(snapshot)
    return None if span is None else span.newest


def _known(times: Times) -> bool:
    return len(times) > 0 and bool((times != NO_TIME).mean() > _TIMED)


def fading(snapshot: Snapshot, half_life: float) -> Floats:
    """Weight of each watch, (watches,): half after ``half_life`` days; 1 for a half-life of 0 or without times."""
    days = ages(snapshot) if half_life else None
    if days is None:
        return np.ones(len(snapshot.watched), dtype=np.float32)
    return np.asarray(np.exp2(days / np.float32(-half_life)))
