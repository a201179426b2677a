"""What the network learns from: watches with their weights, and the moments that steps take for their present."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gnn import processes
from gnn.relations import rows_of

__all__ = ["Watches"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_MOMENTS = (0.01, 0.9)
"""Shares of the watches, newest first, between which the moment lies that a step takes for its present."""


@dataclass(frozen=True)
class Watches:
    """What is learned from: users × contents CSR with each pair's weight in the loss."""

    indptr: Ints
    content: npt.NDArray[np.int32]
    weight: Floats
    contents: int
    recency: Floats | None = None
    """Of each pair, inf where its time is not known: it is learned from at any moment. None without times."""

    @property
    def users(self) -> Ints:
        """Users that watched anything."""
        return np.flatnonzero(np.diff(self.indptr))

    def of(self, users: Ints, moment: float | None = None) -> tuple[Ints, npt.NDArray[np.int32], Floats]:
        """The rows of ``users`` as a CSR of their own; nothing weighs whose recency is not above a ``moment``'s."""
        indptr, places = rows_of(self.indptr, users)
        weight = self.weight[places]
        if moment is not None and self.recency is not None:
            weight *= self.recency[places] > moment
        return indptr, self.content[places], weight

    def since(self, users: Ints, moment: float) -> Ints:
        """Those of ``users`` with anything to learn from a ``moment`` on; all of them where that would be too few."""
        indptr, places = rows_of(self.indptr, users)
        assert self.recency is not None
        later = np.concatenate(([0], np.cumsum(self.recency[places] > moment)))
        found = users[later[indptr[1:]] > later[indptr[:-1]]]
        return found if len(found) >= processes.count() else users

    def unseen(self, moment: float) -> npt.NDArray[np.bool_]:
        """Contents that nobody had watched by a ``moment``; shape (contents,)."""
        return self._first > moment

    @cached_property
    def _first(self) -> Floats:
        """The recency of each content's first watch, inf without any; one whose time is not known is as old as any."""
        assert self.recency is not None
        first = np.full(self.contents, np.inf, dtype=np.float32)
        np.minimum.at(first, self.content, np.where(np.isfinite(self.recency), self.recency, -np.inf))
        return first

    def moment(self, rng: np.random.Generator) -> float | None:
        """The recency of a moment between the newest hundredth and the oldest tenth of the watches.

        None where times are unknown, or where nothing came after it: most may have come on one day.
        """
        if self.recency is None:
            return None
        some = self.recency[:: max(1, len(self.recency) // 100_000)]
        some = some[np.isfinite(some)]
        drawn = float(np.quantile(some, 1.0 - rng.uniform(*_MOMENTS), method="nearest"))
        return drawn if drawn < some.max() else None
