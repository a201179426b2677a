"""What a fit may be told beside the snapshot: how much work, how much time at most, seed, device, a start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from graph.errors import SettingsError
from graph.snapshot import Snapshot

if TYPE_CHECKING:
    from recommenders.core.holdout import Holdout
    from recommenders.core.recommender import Recommender

__all__ = ["Cap", "Device", "Effort", "FitOptions", "Progress", "is_large", "part_of", "silent"]

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""
Device = Literal["auto", "cpu", "cuda"]

_LARGE: Final = 5_000_000
"""Watches and follows above which a graph is large."""
_LINKS_A_SECOND: Final = 183
"""Links for which a `normal` fit gets a second of work."""
_LEAST_S: Final = 300.0
_LEAST_QUICK_S: Final = 40.0
"""Less than this leaves a network too few steps, however small the graph."""
_MOST_S: Final = 2_100.0
_MOST_LARGE_S: Final = 3_300.0


def is_large(snapshot: Snapshot) -> bool:
    """Whether memory and time allow only one narrow network and few trials."""
    return len(snapshot.watched) + len(snapshot.follows) > _LARGE


class Effort(StrEnum):
    """How much work a fit does. The trials, steps and rounds follow from this and the size of the data alone."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"

    @property
    def factor(self) -> float:
        """Work beside that of `NORMAL`."""
        return {Effort.QUICK: 0.04, Effort.NORMAL: 1.0, Effort.THOROUGH: 4.0}[self]

    def work(self, snapshot: Snapshot) -> float:
        """The work of a whole fit on this snapshot, in seconds of the reference machine (two cores of 2.6 GHz).

        Nothing is measured while it runs: what a trial or a step costs is estimated from sizes
        (`Recommender.cost`), so a slow or busy machine does the same work in more time. `NORMAL` gives five minutes to
        small graphs and at most 35, or 55 to large ones; as every model is fitted at least once, a little more in all.
        `QUICK` gives a minute to the demonstration's network.
        """
        links = len(snapshot.watched) + len(snapshot.follows)
        most = _MOST_LARGE_S if is_large(snapshot) else _MOST_S
        return max(_LEAST_QUICK_S, self.factor * float(np.clip(links / _LINKS_A_SECOND, _LEAST_S, most)))


class Cap:
    """A limit in minutes for a whole run. It is kept by leaving work out, and then the run says so."""

    def __init__(self, minutes: float | None = None) -> None:
        """Starts now; None for no limit. Raises SettingsError for a limit of 0 or less."""
        if minutes is not None and not minutes > 0:
            raise SettingsError(f"A budget of {minutes:g} minutes is none.", do="Give a positive number of minutes.")
        self.minutes = minutes
        self.hit = False
        """Whether anything was left out to keep it."""
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def left(self, share: float = 1.0) -> float:
        """Seconds left of this share of the time; infinite without a limit."""
        return np.inf if self.minutes is None else 60.0 * share * self.minutes - self.spent

    def allows(self, seconds: float = 0.0, share: float = 1.0) -> bool:
        """Whether work of so many seconds still fits into this share of the time; if not, the cap counts as hit."""
        fits = self.left(share) > seconds
        self.hit = self.hit or not fits
        return fits


def silent(share: float, what: str) -> None:
    """A `Progress` that says nothing."""


@dataclass(frozen=True)
class FitOptions:
    """Everything optional about a fit. Each model uses what concerns it."""

    validation: Holdout | None = None
    """A part held out of the snapshot that is fitted, for models that stop by it."""
    effort: Effort = Effort.NORMAL
    share: float = 1.0
    """Of the effort's work that this fit gets: the pipeline divides its own among its models."""
    seed: int = 0
    """Of everything that is drawn at random."""
    device: Device = "auto"
    checkpoint: Path | None = None
    """A folder that a killed fit goes on from when it is started again with the same settings on the same graph. The
    caller deletes it once the model is saved."""
    start: Recommender | None = None
    """A model of the same kind and settings, fitted by this process on a part of the same graph, to go on from."""
    cap: Cap = field(default_factory=Cap)
    progress: Progress = silent

    def work(self, snapshot: Snapshot) -> float:
        """Seconds of work on the reference machine that this fit may do (`Effort.work`)."""
        return self.share * self.effort.work(snapshot)

    def but(self, **changes: Any) -> FitOptions:
        """The same options with some changed."""
        return replace(self, **changes)


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """A `Progress` whose 0..1 is ``start``..``stop`` of another one."""

    def tell(share: float, what: str) -> None:
        progress(start + (stop - start) * (share if np.isfinite(share) else 0.0), what)

    return tell
