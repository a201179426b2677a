"""Events of each key before a moment: where they stand, and what their values sum to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.core.top_k import Ints

__all__ = ["Events", "summed"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events as numbers that sort by key, then by time."""

    keys: Ints
    order: Ints
    codes: Ints
    first: int
    span: int

    @classmethod
    def of(cls, keys: Ints, at: Ints) -> Events:
        """Sorted events of ``keys`` at times ``at``."""
        first = int(at.min(initial=0))
        span = int(at.max(initial=0)) - first + 2
        codes = keys * span + (at - first)
        order = np.argsort(codes, kind="stable")
        return cls(keys[order], order, codes[order], first, span)

    def before(self, keys: Ints, at: Ints) -> tuple[Ints, Ints]:
        """For each key and moment, the places where the key's events begin, and where those that are earlier end."""
        moments = np.clip(at - self.first, 0, self.span - 1)
        return np.searchsorted(self.codes, keys * self.span), np.searchsorted(self.codes, keys * self.span + moments)


def summed(
    event_keys: Ints, event_at: Ints, values: npt.NDArray[np.float64], keys: Ints, before: Ints
) -> npt.NDArray[np.float64]:
    """For each (key, before): sum of the values of the key's events that are earlier; a naive loop in the tests."""
    events = Events.of(event_keys, event_at)
    total = np.concatenate(([0.0], np.cumsum(values[events.order])))
    start, stop = events.before(keys, before)
    return np.asarray(total[stop] - total[start], dtype=np.float64)
