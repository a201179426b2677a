"""Next items by counting: co-occurrence in lists, the same as vectors (PPMI + SVD), and similar lists (VSKNN)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graph.snapshot import Snapshot
from recommenders.core.baseline import Count, Learned, Share
from recommenders.core.costs import COSTS
from recommenders.core.nearest import nearest, others, unit
from recommenders.core.options import FitOptions
from recommenders.core.sequences import Sequences
from recommenders.core.singular import right_singular_vectors
from recommenders.core.top_k import Floats, Ints, highest_of_rows
from recommenders.next_item import Context, SequenceModel

__all__ = ["CoOccurrence", "PpmiSvd", "SessionKnn", "co_occurrences", "context_of", "query"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Reach = Annotated[int, Field(ge=1, le=1000)]
_PAIRS: Final = 20_000_000
"""Pairs of items that are added to a matrix of co-occurrences at once: 320 MB of numbers."""


def co_occurrences(lists: Sequences, window: int) -> sp.csr_array:
    """Items × items: how often two different items are at most ``window`` places apart. Symmetric, float32."""
    shape = (lists.width, lists.width)
    total = sp.csr_array(shape, dtype=np.float32)
    rows = lists.rows
    reach = min(window, int(lists.lengths.max(initial=0)) - 1)
    left: list[Ints] = []
    right: list[Ints] = []
    for distance in range(1, reach + 1):
        together = rows[distance:] == rows[:-distance]
        one, other = lists.items[:-distance][together], lists.items[distance:][together]
        differ = one != other
        left.append(one[differ])
        right.append(other[differ])
        waiting = sum(map(len, left))
        if waiting > _PAIRS or distance == reach:  # one addition of large matrices for many distances
            pairs = np.concatenate(left), np.concatenate(right)
            total = total + sp.csr_array((np.ones(waiting, dtype=np.float32), pairs), shape=shape)
            left, right = [], []
    return sp.csr_array(total + total.T)


def query(lists: Sequences, context: Context) -> sp.csr_array:
    """Lists × items: 1 for every item of the list, or only for its last item if ``context`` is "last". float32."""
    asked = lists if context == "all" else lists.cut()[1]
    return asked.matrix()


def context_of(lists: Sequences, vectors: Floats, context: Context) -> Floats:
    """A vector for each list: the vector of its last item, or the mean of all; 0 for an empty list."""
    asked = query(lists, context)
    sums = np.asarray(asked @ vectors, dtype=np.float32)
    return np.asarray(sums / np.maximum(np.diff(asked.indptr), 1)[:, None], dtype=np.float32)


@dataclass
class CoOccurrence(SequenceModel):
    """Scores an item by its co-occurrences with the list's items over a power of its number of co-occurrences."""

    window: Reach = 10
    """Most places between two items that co-occur."""
    popularity: Fraction = 0.5
    """This power: 0 gives plain counts, 0.5 a cosine."""
    context: Context = "all"
    """Whether to use the list's last item or all its items."""

    name: ClassVar[str] = "co-occurrence"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "window": (10, 3, 30, 100),
        "popularity": (0.5, 0.0, 0.25, 0.75),
        "context": ("all", "last"),
    }
    late: ClassVar[frozenset[str]] = frozenset({"popularity", "context"})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        return {"together": co_occurrences(self._sequences(snapshot), self.window)}

    def list_scores(self, lists: Sequences) -> Floats:
        return np.asarray((query(lists, self.context) @ self._weighted).toarray(), dtype=np.float32)

    @cached_property
    def _weighted(self) -> sp.csr_array:
        together = self._sparse("together")
        total = np.maximum(np.asarray(together.sum(axis=1), dtype=np.float32), 1.0)
        scale = total ** np.float32(-self.popularity)
        rows = np.repeat(scale, np.diff(together.indptr))
        return sp.csr_array(
            (together.data * rows * scale[together.indices], together.indices, together.indptr), shape=together.shape
        )

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The items that co-occur with it most, by the same weights."""
        batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
        return others(np.asarray(self._weighted[batch].toarray(), dtype=np.float32), items, k, nothing=0.0)


@dataclass
class PpmiSvd(SequenceModel):
    """Vectors from counts: positive pointwise mutual information, factored (Levy, Goldberg and Dagan, TACL 2015)."""

    factors: Count = 100
    window: Reach = 10
    smoothing: Fraction = 0.75
    """Power of an item's count as a context: below 1 rare contexts have less weight. As in the paper."""
    shift: Share = 0.0
    """Subtracted from the information before negative values become 0; log of the number of negatives in item2vec."""
    eigen: Fraction = 0.5
    """Power of the singular values in the vectors."""
    context: Context = "all"

    name: ClassVar[str] = "ppmi-svd"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "factors": (100, 30, 300),
        "window": (10, 3, 30),
        "smoothing": (0.75, 0.5, 1.0),
        "eigen": (0.5, 0.0, 1.0),
        "context": ("all", "last"),
    }
    late: ClassVar[frozenset[str]] = frozenset({"context"})

    def _cost(self, snapshot: Snapshot) -> float:
        return COSTS.ppmi_watch * self.factors * len(snapshot.watched)

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        together = co_occurrences(self._sequences(snapshot), self.window)
        counts = np.asarray(together.sum(axis=1), dtype=np.float64)
        smoothed = counts**self.smoothing
        rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
        expected = counts[rows] * smoothed[together.indices] / max(float(smoothed.sum()), 1e-12)
        information = np.log(together.data / np.maximum(expected, 1e-12)) - self.shift
        positive = sp.csr_array(
            (np.maximum(information, 0.0).astype(np.float32), together.indices, together.indptr), shape=together.shape
        )
        positive.eliminate_zeros()
        vectors = right_singular_vectors(positive, self.factors, seed=options.seed)
        projected = np.asarray(positive @ vectors)  # left vectors times singular values
        singular = np.linalg.norm(projected, axis=0)
        scaled = projected * np.maximum(singular, 1e-9) ** (self.eigen - 1.0)
        return {"vectors": unit(scaled.astype(np.float32))}

    def list_scores(self, lists: Sequences) -> Floats:
        vectors = self._dense("vectors")
        return np.asarray(context_of(lists, vectors, self.context) @ vectors.T, dtype=np.float32)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return nearest(self._dense("vectors"), items, k)


@dataclass
class SessionKnn(SequenceModel):
    """VSKNN: the most similar lists vote for their items (Ludewig and Jannach, UMUAI 2018).

    Items later in the list count more, linearly with their place; rare items count more, by inverse frequency.
    """

    neighbours: Count = 100
    """Number of similar lists that vote."""
    decay: Fraction = 1.0
    """Weight of the last item minus that of the first: 1 for a linear increase from 0, 0 for equal weights."""
    rarity: Share = 1.0
    """A vote is multiplied by log(lists / lists with the item) to this power."""

    name: ClassVar[str] = "vsknn"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "neighbours": (100, 50, 200, 500, 1000),
        "decay": (1.0, 0.5, 0.0),
        "rarity": (1.0, 0.0, 0.5),
    }
    late: ClassVar[frozenset[str]] = frozenset({"neighbours", "decay", "rarity"})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        return {"lists": self._sequences(snapshot).matrix()}

    def list_scores(self, lists: Sequences) -> Floats:
        matrix = self._sparse("lists")
        lengths = np.diff(matrix.indptr)
        similar = sp.csr_array(self._asked(lists) @ self._by_item)
        similar.data /= np.sqrt(np.maximum(lengths[similar.indices], 1)).astype(np.float32)
        weight = (self._idf**self.rarity).astype(np.float32)
        kept = highest_of_rows(similar, self.neighbours)
        kept.sort_indices()  # the order of the sums below
        return np.asarray((kept @ matrix).toarray() * weight, dtype=np.float32)

    @cached_property
    def _by_item(self) -> sp.csr_array:
        return sp.csr_array(self._sparse("lists").T)

    @cached_property
    def _idf(self) -> np.ndarray[Any, Any]:
        """Logarithm of the inverse share of lists that hold each item, shape (items,)."""
        matrix = self._sparse("lists")
        known = np.bincount(matrix.indices, minlength=matrix.shape[1])
        return np.asarray(np.log((matrix.shape[0] + 1.0) / (known + 1.0)) + 1e-3)

    def _asked(self, lists: Sequences) -> sp.csr_array:
        rows = lists.rows
        place = np.arange(len(lists.items)) - lists.indptr[:-1][rows] + 1
        weight = 1.0 - self.decay * (1.0 - place / np.maximum(lists.lengths[rows], 1))
        values = (weight * self._idf[lists.items]).astype(np.float32)
        asked = sp.csr_array((values, lists.items, lists.indptr), shape=(len(lists), lists.width), copy=True)
        asked.sum_duplicates()
        return asked

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """By the cosine between the lists that hold them."""
        return nearest(self._by_item, items, k)
