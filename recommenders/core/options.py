"""The options of a fit besides the snapshot: how much work, a time limit, seed, device, a model to start from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graph.errors import SettingsError
from graph.snapshot import Snapshot
from recommenders.core.config import CORE

if TYPE_CHECKING:
    from recommenders.core.holdout import Holdout
    from recommenders.core.recommender import Recommender

__all__ = ["Cap", "Device", "Effort", "FitOptions", "Progress", "is_large", "part_of", "silent"]

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""
Device = Literal["auto", "cpu", "cuda"]


def is_large(snapshot: Snapshot) -> bool:
    """Whether memory and time allow only one narrow network and few trials."""
    return len(snapshot.watched) + len(snapshot.follows) > CORE.large_links


class Effort(StrEnum):
    """How much work a fit does. The trials, steps and rounds follow from this and the size of the data alone."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"

    @property
    def factor(self) -> float:
        """Work as a multiple of the work of `NORMAL`."""
        return {Effort.QUICK: CORE.quick, Effort.NORMAL: 1.0, Effort.THOROUGH: CORE.thorough}[self]

    def work(self, snapshot: Snapshot) -> float:
        """The work of a whole fit on this snapshot, in seconds of the reference machine (two cores of 2.6 GHz).

        Nothing is measured during the fit: the cost of a trial or a step is estimated from sizes (`Recommender.cost`),
        so a slow or busy machine does the same work in more time. `NORMAL` gives small graphs five minutes, others at
        most 35, and large graphs 55; a fit takes a little longer, because every model is fitted at least once. `QUICK`
        gives the demonstration's network a minute.
        """
        links = len(snapshot.watched) + len(snapshot.follows)
        most = CORE.most_large_s if is_large(snapshot) else CORE.most_s
        work = self.factor * float(np.clip(links / CORE.links_a_second, CORE.least_s, most))
        return max(CORE.least_quick_s, work)


class Cap:
    """A limit in minutes for a whole run. Work is left out to keep it; the run then says so."""

    def __init__(self, minutes: float | None = None) -> None:
        """The time starts now; None is no limit. Raises SettingsError for a limit of 0 or less."""
        if minutes is not None and not minutes > 0:
            raise SettingsError(f"The budget cannot be {minutes:g} minutes.", do="Give a positive number of minutes.")
        self.minutes = minutes
        self.hit = False
        """Whether any work was left out to keep the limit."""
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def left(self, share: float = 1.0) -> float:
        """Seconds left until ``share`` of the limit; infinite without a limit."""
        return np.inf if self.minutes is None else 60.0 * share * self.minutes - self.spent

    def allows(self, seconds: float = 0.0, share: float = 1.0) -> bool:
        """Whether work of ``seconds`` still fits into ``share`` of the limit; if not, ``hit`` becomes true."""
        fits = self.left(share) > seconds
        self.hit = self.hit or not fits
        return fits


def silent(share: float, what: str) -> None:
    """A `Progress` that says nothing."""


@dataclass(frozen=True)
class FitOptions:
    """The options of a fit. A model ignores those that it has no use for."""

    validation: Holdout | None = None
    """A validation part that is not in the fitted snapshot, for models that stop early by it."""
    effort: Effort = Effort.NORMAL
    share: float = 1.0
    """Share of the effort's work that this fit gets; the pipeline divides its own among its models."""
    seed: int = 0
    """Seed of everything that is drawn at random."""
    device: Device = "auto"
    checkpoint: Path | None = None
    """Folder for checkpoints. A fit that was killed continues from them when it is started again with the same settings
    on the same graph. The caller owns and deletes the folder."""
    start: Recommender | None = None
    """A model of the same kind and settings, fitted by this process on a part of the same graph, to continue from."""
    cap: Cap = field(default_factory=Cap)
    progress: Progress = silent

    def work(self, snapshot: Snapshot) -> float:
        """Seconds of work on the reference machine that this fit may use (`Effort.work`)."""
        return self.share * self.effort.work(snapshot)

    def but(self, **changes: Any) -> FitOptions:
        """The same options with some changed."""
        return replace(self, **changes)


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """A `Progress` that maps 0..1 to ``start``..``stop`` of another one."""

    def tell(share: float, what: str) -> None:
        progress(start + (stop - start) * (share if np.isfinite(share) else 0.0), what)

    return tell
