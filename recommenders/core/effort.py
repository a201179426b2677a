"""How much work a fit does: `Effort` by the size of the data, `Cap` by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

import numpy as np

from graph.errors import SettingsError
from graph.snapshot import Snapshot
from recommenders.core.config import CORE

__all__ = ["Cap", "Effort", "is_large"]


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
    """A limit in minutes for a whole run; a run that reached it says so, in its output and its manifest.

    To keep it, a search ends early, the pipeline leaves out models and its ranker, and a model that learns in epochs or
    iterations stops between two of them, after one at least. Models that cannot be cut, such as the closed forms EASE,
    KNN and GF-CF, run to their end, even past the limit.
    """

    def __init__(self, minutes: float | None = None) -> None:
        """The time starts now; None is no limit. Raises SettingsError for a limit of 0 or less."""
        if minutes is not None and not minutes > 0:
            raise SettingsError(f"The budget cannot be {minutes:g} minutes.", do="Give a positive number of minutes.")
        self.minutes = minutes
        self.hit = False
        """Whether the limit was reached: work was left out to keep it, or a fit ended after it."""
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

    def another(self, share: float = 1.0) -> Callable[[], bool]:
        """A function to call between two epochs of a loop that begins now: whether the next one still fits.

        The next epoch is expected to take as long as the longest one so far.
        """
        began, longest = self.spent, 0.0

        def fits() -> bool:
            nonlocal began, longest
            longest, began = max(longest, self.spent - began), self.spent
            return self.allows(longest, share)

        return fits

    def at_end(self) -> bool:
        """`hit` at the end of a fit, which it becomes here if the fit ended after the limit."""
        self.allows()
        return self.hit
