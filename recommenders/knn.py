"""Nearest neighbours: contents watched by the same people, and people who watch the same contents."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from recommenders.core.baseline import Baseline, Count, KnowsFriends, Learned, Positive, Share
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import counts, lately, row_of, rows_of, with_friends
from recommenders.core.nearest import nearest
from recommenders.core.one_user import FewScores, OneUser
from recommenders.core.options import FitOptions, Progress
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, Mask, highest_of_rows

__all__ = ["ItemKnn", "UserKnn", "neighbours"]

Weighting = Literal["none", "tf-idf", "bm25"]

_BLOCK_PRODUCTS = 20_000_000
"""Multiplications in one block of the similarity product; bounds its memory to some hundred MB."""


@dataclass
class _Knn(Baseline):
    neighbours: Count = 200
    """Number of neighbours kept for each row."""
    shrink: Share = 10.0
    """Added to the product of the norms, so that few common watches give a low similarity."""
    weighting: Weighting = "tf-idf"
    """Weighting of the watches before rows are compared."""
    power: Positive = 1.0
    """Similarities are raised to this power: above 1 the nearest neighbours count more."""

    _by_row: ClassVar[bool] = True

    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "weighting": ("tf-idf", "bm25", "none"),
        "neighbours": (50, 200, 800),
        "power": (0.5, 1.0, 2.0),
        "shrink": (0.0, 10.0, 50.0),
    }

    @abstractmethod
    def _rows(self) -> sp.csr_array:
        """The matrix whose rows are compared: one row for each content or user."""

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        weighted = _weigh(self._rows(), self.weighting)
        similar = neighbours(weighted, self.neighbours, self.shrink, options.progress)
        similar.data **= np.float32(self.power)
        return {"similar": similar if self._by_row else sp.csr_array(similar.T)}


@dataclass
class ItemKnn(_Knn):
    """Adds up the similarity of a content to everything one has watched (Deshpande and Karypis, TOIS 2004)."""

    fashion: Share = 0.5
    """With times, scores are multiplied by the content's recent popularity to this power. Generated networks of scale
    0.01 and 0.1 (experiments/fading-watches.md)."""

    space: ClassVar[Mapping[str, Sequence[Any]]] = {"fashion": (0.5, 1.0, 0.25, 0.0), **_Knn.space}
    late: ClassVar[frozenset[str]] = frozenset({"fashion"})
    need_times: ClassVar[frozenset[str]] = frozenset({"fashion"})
    name: ClassVar[str] = "item-knn"
    has_one_user: ClassVar[bool] = True
    _by_row: ClassVar[bool] = False  # neighbours are kept for each candidate, and candidates are the columns

    def _rows(self) -> sp.csr_array:
        return self._watchers

    def _cost(self, snapshot: Snapshot) -> float:
        return COSTS.similarity_product * _squares(np.diff(snapshot.watched.indptr))

    def known_users(self, users: Ints) -> Mask:
        """Users who watched something."""
        return np.asarray(counts(self.watched, users) > 0)

    def scores(self, users: Ints) -> Floats:
        return self._sums(rows_of(self.watched, users))

    def moved_scores(self, today: Today) -> Floats | None:
        return np.asarray(self._sums(today.row)[0])

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        watched = rows_of(self.watched, np.array([user])) if today is None else today.row
        found = FewScores.of(sp.csr_array(watched @ self._sparse("similar")))
        return replace(found, scores=found.scores * self._fashions[found.contents])

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The same sums over ``watched``; every watch counts the same."""
        return self._sums(row_of(watched, self.snapshot.contents.count))[0] if len(watched) else None

    def _sums(self, watched: sp.csr_array) -> Floats:
        """Scores (n, contents) of users with these ``watched`` contents (n × contents)."""
        found = np.asarray((watched @ self._sparse("similar")).toarray(), dtype=np.float32)
        found *= self._fashions
        return found

    @cached_property
    def _fashions(self) -> Floats:
        """Factor of each content's score, shape (contents,): its recent popularity to the power ``fashion``."""
        if not timed(self.snapshot):
            return np.ones(self.snapshot.contents.count, dtype=np.float32)
        watches = np.asarray(lately(self.snapshot, CORE.fashion_half_life).sum(axis=0), dtype=np.float32)
        return (watches + np.float32(1e-3)) ** np.float32(self.fashion)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return nearest(_weigh(self._watchers, self.weighting), items, k)


@dataclass
class UserKnn(_Knn, KnowsFriends):
    """Adds up what the most similar people watched, weighted by their similarity."""

    half_life: Share = 30.0
    """Days after which a neighbour's watch counts half, if times are known; 0 for never."""

    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "half_life": (7.0, 30.0, 90.0, 365.0, 0.0),
        **_Knn.space,
        "friends": (1.0, 0.0, 0.3, 3.0),
    }
    late: ClassVar[frozenset[str]] = frozenset({"half_life"})
    need_times: ClassVar[frozenset[str]] = frozenset({"half_life"})
    name: ClassVar[str] = "user-knn"

    def _rows(self) -> sp.csr_array:
        weight = math.sqrt(self._weight_of_friends)  # a similarity multiplies the weights of two rows
        return with_friends(self.snapshot, self.watched, weight)

    def _cost(self, snapshot: Snapshot) -> float:
        return COSTS.similarity_product * _squares(
            np.bincount(snapshot.watched.target, minlength=snapshot.contents.count)
        )

    def known_users(self, users: Ints) -> Mask:
        """Users with a neighbour."""
        return np.asarray(counts(self._sparse("similar"), users) > 0)

    @cached_property
    def _recent(self) -> sp.csr_array:
        return lately(self.snapshot, self.half_life)

    def scores(self, users: Ints) -> Floats:
        return np.asarray((rows_of(self._sparse("similar"), users) @ self._recent).toarray(), dtype=np.float32)


def _squares(counts: npt.NDArray[Any]) -> float:
    """Multiplications of the product of a matrix with its transpose: the sum of its columns' squared counts."""
    return float((counts.astype(np.float64) ** 2).sum())


def _weigh(rows: sp.csr_array, weighting: Weighting) -> sp.csr_array:
    """Weight columns by rarity; BM25 (k1 1.2, b 0.75, as usual) also by the length of the row."""
    if weighting == "none" or rows.nnz == 0:
        return rows
    count = rows.shape[0]
    idf = np.log1p(count / np.maximum(np.bincount(rows.indices, minlength=rows.shape[1]), 1)).astype(np.float32)
    values: Floats = np.array(rows.data, dtype=np.float32)
    if weighting == "bm25":
        length = np.asarray(rows.sum(axis=1))
        relative = np.repeat(length / max(float(length.mean()), 1e-9), np.diff(rows.indptr)).astype(np.float32)
        values = (values * 2.2 / (values + 1.2 * (0.25 + 0.75 * relative))).astype(np.float32)
    return sp.csr_array((values * idf[rows.indices], rows.indices, rows.indptr), shape=rows.shape)


def neighbours(rows: sp.csr_array, k: int, shrink: float, progress: Progress) -> sp.csr_array:
    """The ``k`` most similar rows of each row: dot / (norm · norm + shrink), shape (rows, rows), float32.

    The product is computed by blocks of rows, so that it never has to fit into memory.
    """
    columns = sp.csr_array(rows.T)
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float32))
    cost = np.cumsum(rows.astype(bool).astype(np.float64) @ np.diff(columns.indptr).astype(np.float64))
    cuts = np.searchsorted(cost, np.arange(_BLOCK_PRODUCTS, max(cost[-1], 1.0), _BLOCK_PRODUCTS)) + 1
    bounds = np.unique(np.concatenate(([0], cuts, [rows.shape[0]]))) if len(cost) else np.zeros(1, dtype=np.int64)
    blocks = []
    for start, stop in pairwise(bounds):
        product = sp.csr_array(rows[start:stop] @ columns)
        row = np.repeat(np.arange(start, stop), np.diff(product.indptr))
        product.data /= norms[row] * norms[product.indices] + np.float32(shrink) + np.float32(1e-9)
        product.data[row == product.indices] = 0.0
        blocks.append(highest_of_rows(product, k))
        progress(float(stop / rows.shape[0]), "comparing")
    return sp.csr_array(sp.vstack(blocks, format="csr"))
