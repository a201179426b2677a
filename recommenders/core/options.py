"""The options of a fit besides the snapshot: how much work, a time limit, seed, device, a model to start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graph.progress import Progress
from graph.snapshot import Snapshot
from recommenders.core.effort import Cap, Effort

if TYPE_CHECKING:
    from recommenders.core.holdout import Holdout
    from recommenders.core.recommender import Recommender

__all__ = ["Device", "FitOptions", "Progress", "part_of", "silent"]

Device = Literal["auto", "cpu", "cuda"]


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
