"""Recommends what a user's friends watched, and what the friends' friends watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from recommenders.core.baseline import Baseline, Learned, Share
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import counts, directed_social, lately, row_of, rows_of, symmetric_social
from recommenders.core.one_user import FewScores, OneUser
from recommenders.core.options import FitOptions
from recommenders.core.today import Today, followed
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["FriendsItems"]


@dataclass
class FriendsItems(Baseline):
    """Adds up what friends watched; friends with similar watches, or with common friends, count more.

    Defaults of ``ties``, ``half_life`` and ``second_degree``: generated networks of scale 0.01 and 0.1
    (experiments/fading-watches.md).
    """

    ties: Literal["followed", "either"] = "followed"
    """Who is a friend: only people whom the user follows, or also people who follow the user."""
    half_life: Share = 30.0
    """Days after which a friend's watch counts half, if times are known; 0 for never."""
    weighting: Literal["same", "watched", "circle"] = "watched"
    """Weight of a friend: 1, the cosine of what both watched, or the Jaccard index of both sets of friends."""
    floor: Share = 0.1
    """Least weight of a friend, so that the friends of a newcomer count."""
    second_degree: Share | None = None
    """Weight of a friend's friend, divided among all of the friend's friends. None is
    `CoreConfig.friends_second_degree` without times, and 0 with times: recent watches of friends are worth more than
    all watches of their friends."""
    discount: Share = 0.0
    """Scores are divided by the content's number of watchers to this power."""

    name: ClassVar[str] = "friends-items"
    has_one_user: ClassVar[bool] = True
    need_times: ClassVar[frozenset[str]] = frozenset({"half_life"})
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "half_life": (30.0, 7.0, 90.0, 365.0, 0.0),
        "weighting": ("watched", "circle", "same"),
        "ties": ("followed", "either"),
        "second_degree": (0.0, 0.1, 0.5, 1.0),
        "discount": (0.0, 0.25, 0.5),
        "floor": (0.01, 0.1, 0.5),
    }
    late: ClassVar[frozenset[str]] = frozenset({"half_life", "discount"})

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        second_degree = 0.0 if timed(snapshot) else CORE.friends_second_degree
        return super().resolved(snapshot) | ({"second_degree": second_degree} if self.second_degree is None else {})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        friends = directed_social(snapshot) if self.ties == "followed" else symmetric_social(snapshot)
        likeness = self._likeness(friends)
        weights = sp.csr_array(self.floor * friends + friends.multiply(likeness))
        second_degree = self.resolved(snapshot)["second_degree"]
        if second_degree:
            degree = np.diff(friends.indptr).astype(np.int64)
            followers = np.bincount(friends.indices, minlength=len(degree))
            share = 1.0 / np.maximum(degree, 1).astype(np.float32)
            step = sp.csr_array(sp.diags_array(share) @ friends)
            onwards = sp.csr_array(sp.diags_array(share * _bridges(degree * followers)) @ friends)
            onwards.eliminate_zeros()
            weights = weights + second_degree * _without_diagonal(sp.csr_array(step @ onwards))
        watchers = np.maximum(np.bincount(self.watched.indices, minlength=self.watched.shape[1]), 1)
        return {"weights": sp.csr_array(weights).astype(np.float32), "watchers": watchers.astype(np.float32)}

    def _likeness(self, friends: sp.csr_array) -> sp.csr_array:
        """Weights, users × users; only the entries where ``friends`` is set are used."""
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

    @cached_property
    def _recent(self) -> sp.csr_array:
        return lately(self.snapshot, self.half_life)

    def _cost(self, snapshot: Snapshot) -> float:
        degree = np.diff(snapshot.follows.indptr).astype(np.float64)
        paths = (
            float((degree[np.asarray(snapshot.follows.target)]).sum())
            if self.resolved(snapshot)["second_degree"]
            else 0.0
        )
        return COSTS.follow * len(snapshot.follows) + COSTS.path * min(paths, CORE.friends_paths)

    def known_users(self, users: Ints) -> Mask:
        """Users with a friend."""
        return np.asarray(counts(self._sparse("weights"), users) > 0)

    def scores(self, users: Ints) -> Floats:
        return self._sums(rows_of(self._sparse("weights"), users))

    def moved_scores(self, today: Today) -> Floats | None:
        """The sum over whom the user follows now. Somebody followed since counts as the mean of the others does."""
        row = self._moved(today)
        return self._sums(row)[0] if row.nnz else None

    def _moved(self, today: Today) -> sp.csr_array:
        """The friends of the user and their weights (1 × users) as of now."""
        row = rows_of(self._sparse("weights"), np.array([today.user]))
        then = followed(self.snapshot, today.user)
        gone, come = np.setdiff1d(then, today.follows), np.setdiff1d(today.follows, then)
        if not len(gone) and not len(come):
            return row
        weights = row.toarray()[0]
        mean = weights[then].mean() if len(then) else np.float32(self.floor)
        weights[gone], weights[come] = 0.0, mean
        return sp.csr_array(weights[None, :])

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        row = None if today is None else self._moved(today)
        if row is None or not row.nnz:
            row = rows_of(self._sparse("weights"), np.array([user]))
        found = FewScores.of(sp.csr_array(row @ self._recent))
        if not self.discount:
            return found
        divided = found.scores * self._dense("watchers")[found.contents] ** -self.discount
        return replace(found, scores=divided.astype(np.float32))

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The sum over the people they follow, and with ``ties`` "either" over followers; all with the same weight."""
        friends = np.unique(follows) if self.ties == "followed" else np.union1d(follows, followers)
        return self._sums(row_of(friends, self.snapshot.users.count))[0] if len(friends) else None

    def _sums(self, friends: sp.csr_array) -> Floats:
        """Scores (n, contents) of users with these ``friends`` and weights (n × users)."""
        found = (friends @ self._recent).toarray()
        return np.asarray(found * self._dense("watchers") ** -self.discount, dtype=np.float32)


@numba.njit(cache=True)
def _products(indptr: Any, indices: Any, data: Any, left: Any, right: Any) -> Any:
    """The inner product of rows ``left[i]`` and ``right[i]`` of a sorted CSR for every i.

    Each entry of the shorter row is searched in the longer one: a row can be very long.
    """
    found = np.zeros(len(left), np.float32)
    for pair in range(len(left)):
        short, long = left[pair], right[pair]
        if indptr[short + 1] - indptr[short] > indptr[long + 1] - indptr[long]:
            short, long = long, short
        low, end = indptr[long], indptr[long + 1]
        total = 0.0
        for place in range(indptr[short], indptr[short + 1]):
            wanted, high = indices[place], end
            while low < high:  # the first entry that is not smaller; the next search starts from here
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


def _bridges(pairs: Ints) -> npt.NDArray[np.bool_]:
    """Mask (users,) of the people through whom friends' friends are counted.

    They are the people with the fewest ``pairs`` of friends, up to `CoreConfig.friends_paths` pairs in all: people with
    many friends matter least, since their weight is divided among all their friends.
    """
    order = np.argsort(pairs, kind="stable")
    through = np.zeros(len(pairs), dtype=bool)
    through[order[np.cumsum(pairs[order]) <= CORE.friends_paths]] = True
    return through


def _without_diagonal(matrix: sp.csr_array) -> sp.csr_array:
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix
