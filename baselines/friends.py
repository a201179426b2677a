"""What one's friends watch, and what their friends watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from baselines.baseline import Baseline, Learned, symmetric_social
from baselines.recommender import Floats, Ints, Progress
from graph.snapshot import Snapshot

__all__ = ["FriendsItems"]

_PAIRS: Final = 100_000_000
"""Most paths of length two that are followed: about 3 GiB on the way."""


@dataclass
class FriendsItems(Baseline):
    """Adds up what friends watched, friends with a taste or a circle like one's own counting more.

    A friend is whoever one follows or is followed by.
    """

    weighting: Literal["same", "watched", "circle"] = "watched"
    """Friends count the same, by the cosine of what both watched, or by the Jaccard index of both circles."""
    floor: float = 0.1
    """What a friend counts for at least, so that friends of a newcomer count."""
    second_degree: float = 0.1
    """What a friend's friend counts for, spread over all the friend's friends."""
    discount: float = 0.0
    """Contents are divided by their number of watchers to this power."""

    name: ClassVar[str] = "friends-items"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "weighting": ("watched", "circle", "same"),
        "second_degree": (0.0, 0.1, 0.5, 1.0),
        "discount": (0.0, 0.25, 0.5),
        "floor": (0.01, 0.1, 0.5),
    }
    late: ClassVar[frozenset[str]] = frozenset({"discount"})

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        friends = symmetric_social(snapshot)
        likeness = self._likeness(friends)
        weights = sp.csr_array(self.floor * friends + friends.multiply(likeness))
        if self.second_degree:
            degree = np.diff(friends.indptr).astype(np.int64)
            share = 1.0 / np.maximum(degree, 1).astype(np.float32)
            step = sp.csr_array(sp.diags_array(share) @ friends)
            onwards = sp.csr_array(sp.diags_array(share * _bridges(degree)) @ friends)
            onwards.eliminate_zeros()
            weights = weights + self.second_degree * _without_diagonal(sp.csr_array(step @ onwards))
        watchers = np.maximum(np.bincount(self.watched.indices, minlength=self.watched.shape[1]), 1)
        return {"weights": sp.csr_array(weights).astype(np.float32), "watchers": watchers.astype(np.float32)}

    def _likeness(self, friends: sp.csr_array) -> sp.csr_array:
        """Users × users, read only where ``friends`` is set."""
        vectors = self.watched if self.weighting == "watched" else friends
        if self.weighting == "same":
            return friends
        source = np.repeat(np.arange(friends.shape[0]), np.diff(friends.indptr))
        squares = np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float32)
        vectors.sort_indices()
        shared = _products(vectors.indptr, vectors.indices, vectors.data, source, friends.indices)
        a, b = squares[source], squares[friends.indices]
        norm = np.sqrt(a * b) if self.weighting == "watched" else a + b - shared
        return sp.csr_array((shared / np.maximum(norm, 1e-9), friends.indices, friends.indptr), shape=friends.shape)

    def scores(self, users: Ints) -> Floats:
        found = (self._sparse("weights")[users] @ self.watched).toarray()
        return np.asarray(found * self._dense("watchers") ** -self.discount, dtype=np.float32)


@numba.njit(cache=True)
def _products(indptr: Any, indices: Any, data: Any, left: Any, right: Any) -> Any:
    """The product of rows ``left[i]`` and ``right[i]`` of a sorted CSR for every i; the shorter row is looked up in the
    longer one, as those who know everybody have a row of everybody."""
    found = np.zeros(len(left), np.float32)
    for pair in range(len(left)):
        short, long = left[pair], right[pair]
        if indptr[short + 1] - indptr[short] > indptr[long + 1] - indptr[long]:
            short, long = long, short
        low, end = indptr[long], indptr[long + 1]
        total = 0.0
        for place in range(indptr[short], indptr[short + 1]):
            wanted, high = indices[place], end
            while low < high:  # the first entry that is not before it; the next one cannot lie before that
                middle = (low + high) // 2
                if indices[middle] < wanted:
                    low = middle + 1
                else:
                    high = middle
            if low == end:
                break
            if indices[low] == wanted:
                total += data[place] * data[low]
        found[pair] = total
    return found


def _bridges(degrees: Ints) -> npt.NDArray[np.bool_]:
    """Through whom friends' friends are counted: those of the fewest friends, as far as `_PAIRS` pairs of these reach.

    What is said through somebody is spread over all their friends, so who has the most says the least of anyone.
    """
    order = np.argsort(degrees, kind="stable")
    through = np.zeros(len(degrees), dtype=bool)
    through[order[np.cumsum(degrees[order] ** 2) <= _PAIRS]] = True
    return through


def _without_diagonal(matrix: sp.csr_array) -> sp.csr_array:
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix
