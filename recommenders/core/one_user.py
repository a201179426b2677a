"""The scores of one user in the form in which a model has them, without writing a score for every content.

A feed needs the best few of many contents. What a model knows of one user is a vector, a few sums, or the same list for
everybody: each gives its sums, its scores of some contents and its best contents for less than a pass over a row of all
contents costs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from recommenders.core.top_k import Floats, Ints, top_k

__all__ = ["FewScores", "FixedScores", "OneUser", "best_of"]


class OneUser(ABC):
    """The scores of all contents for one user. Every content has one."""

    @abstractmethod
    def sums(self) -> tuple[float, float]:
        """The sum of the scores and the sum of their squares."""

    @abstractmethod
    def at(self, contents: Ints) -> Floats:
        """The scores of these contents, (n,)."""

    @abstractmethod
    def best(self, k: int, closed: Ints) -> Ints:
        """The ``k`` contents of the highest scores, best first, ties by lower nid; none of ``closed``, which ascend."""


@dataclass(frozen=True)
class FewScores(OneUser):
    """A score for some contents and 0 for all others."""

    contents: Ints
    """Ascending, each once."""
    scores: Floats
    width: int
    """Number of all contents."""

    @classmethod
    def of(cls, row: sp.csr_array) -> FewScores:
        """Make it from a matrix of one row."""
        row.sort_indices()
        return cls(row.indices.astype(np.int64), row.data.astype(np.float32), row.shape[1])

    def sums(self) -> tuple[float, float]:
        scores = self.scores.astype(np.float64)
        return float(scores.sum()), float(scores @ scores)

    def at(self, contents: Ints) -> Floats:
        found = np.zeros(len(contents), dtype=np.float32)
        if len(self.contents):
            places = np.minimum(np.searchsorted(self.contents, contents), len(self.contents) - 1)
            there = self.contents[places] == contents
            found[there] = self.scores[places[there]]
        return found

    def best(self, k: int, closed: Ints) -> Ints:
        open_ = ~np.isin(self.contents, closed)
        own, scores = self.contents[open_], self.scores[open_]
        if np.count_nonzero(scores > 0.0) < k:  # those of score 0 follow, in the order of their nids
            first = np.arange(min(self.width, k + len(self.contents) + len(closed)), dtype=np.int64)
            rest = first[~np.isin(first, self.contents) & ~np.isin(first, closed)][:k]
            own, scores = np.concatenate([own, rest]), np.concatenate([scores, np.zeros(len(rest), np.float32)])
            order = np.argsort(own)
            own, scores = own[order], scores[order]
        return best_of(own, scores, k)


@dataclass(frozen=True)
class FixedScores(OneUser):
    """The same scores for everybody; what depends on them alone is worked out once."""

    scores: Floats
    """Shape (contents,)."""

    @cached_property
    def _sums(self) -> tuple[float, float]:
        scores = self.scores.astype(np.float64)
        return float(scores.sum()), float(scores @ scores)

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(-self.scores, kind="stable")

    def sums(self) -> tuple[float, float]:
        return self._sums

    def at(self, contents: Ints) -> Floats:
        return self.scores[contents]

    def best(self, k: int, closed: Ints) -> Ints:
        first = self._order[: k + len(closed)]
        return first[~np.isin(first, closed)][:k]


def best_of(contents: Ints, scores: Floats, k: int) -> Ints:
    """The ``k`` of highest score; ``contents`` ascend."""
    places, _ = top_k(scores[None, :], k)
    return np.asarray(contents[places[0][places[0] >= 0]], dtype=np.int64)
