"""The labels: watches with their weights, and the random cut-offs of steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gnn import processes
from gnn.recipe import RECIPE
from gnn.relations import rows_of

__all__ = ["Watches"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Watches:
    """Users × contents CSR of the watches, with the weight of each pair in the loss."""

    indptr: Ints
    content: npt.NDArray[np.int32]
    weight: Floats
    contents: int
    recency: Floats | None = None
    """Recency of each pair, inf if its time is unknown, so that it is always a label. None without times."""

    @property
    def users(self) -> Ints:
        """Users with watches, ascending."""
        return np.flatnonzero(np.diff(self.indptr))

    def of(self, users: Ints, cutoff: float | None = None) -> tuple[Ints, npt.NDArray[np.int32], Floats]:
        """The rows of ``users`` as a CSR (row starts, contents, weights); watches up to the ``cutoff`` get weight 0."""
        indptr, places = rows_of(self.indptr, users)
        weight = self.weight[places]
        if cutoff is not None and self.recency is not None:
            weight *= self.recency[places] > cutoff
        return indptr, self.content[places], weight

    def since(self, users: Ints, cutoff: float) -> Ints:
        """The ``users`` with watches after the cut-off; all ``users`` if these are fewer than the processes."""
        indptr, places = rows_of(self.indptr, users)
        assert self.recency is not None
        later = np.concatenate(([0], np.cumsum(self.recency[places] > cutoff)))
        found = users[later[indptr[1:]] > later[indptr[:-1]]]
        return found if len(found) >= processes.count() else users

    def unseen(self, cutoff: float) -> npt.NDArray[np.bool_]:
        """Mask (contents,) of the contents without a watch up to the ``cutoff``."""
        return self._first > cutoff

    @cached_property
    def _first(self) -> Floats:
        """Recency of each content's first watch, inf for a content without watches; an unknown time is the oldest."""
        assert self.recency is not None
        first = np.full(self.contents, np.inf, dtype=np.float32)
        np.minimum.at(first, self.content, np.where(np.isfinite(self.recency), self.recency, -np.inf))
        return first

    def draw_cutoff(self, rng: np.random.Generator) -> float | None:
        """A random cut-off, as a recency, between the newest hundredth and the oldest tenth of the watches.

        None without times, or if no watch is later than the cut-off, as when most watches have the same time.
        """
        if self.recency is None:
            return None
        some = self.recency[:: max(1, len(self.recency) // RECIPE.cutoff_watches)]
        some = some[np.isfinite(some)]
        drawn = float(
            np.quantile(some, 1.0 - rng.uniform(RECIPE.newest_cutoff, RECIPE.oldest_cutoff), method="nearest")
        )
        return drawn if drawn < some.max() else None
