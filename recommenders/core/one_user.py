"""The scores of one user in the form in which a model has them, without writing a score for every content.

A feed needs the best few of many contents. What a model knows of one user is a vector, a few sums, or the same list for
everybody: each gives its sums, its scores of some contents and its best contents for less than a pass over a row of all
contents costs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numba
import numpy as np
import scipy.sparse as sp

from recommenders.core.top_k import ROOM, Floats, Ints, cut, top_k

__all__ = ["FewScores", "FixedScores", "OneUser", "Table"]

_STEPS: Final = 127.0
"""A number of a vector is kept as one of 255 steps."""
_ROUNDED: Final = 2e-7
"""Of a sum, for each number in it: more than what single precision makes of it."""
STRIDE: Final = 256
"""Contents of a `Table` that are passed over together."""
_BLOCK: Final = 65_536
"""Vectors that are looked at at once while a `Table` is made."""


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
        """From a matrix of one row."""
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
        return _chosen(own, scores, k)


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


class Table:
    """Vectors of all contents, whose products with a user's vector are the scores.

    Beside the vectors it keeps them in a byte a number, and how far each is from what that says. A pass over the bytes
    bounds every score; only contents whose upper bound reaches the ``k``-th best lower bound are multiplied in full, so
    the best are the best of all products (as in "Quantization based Fast Inner Product Search", arXiv:1509.01469, but
    without its error). The bytes stand in the order of length and bias, longest first: what is too short to reach that
    bar is not looked at (Cauchy and Schwarz). Of ALS's vectors at full size that leaves 3 in 100.
    """

    def __init__(self, vectors: Floats, bias: Floats | None = None) -> None:
        """``vectors`` are (contents, dim), ``bias`` (contents,) is added to their products."""
        count, dim = vectors.shape
        self.vectors = vectors
        self.bias = np.zeros(count, dtype=np.float32) if bias is None else np.array(bias, dtype=np.float32)
        lengths = np.zeros(count, dtype=np.float32)
        for start in range(0, count, _BLOCK):
            rows = slice(start, min(start + _BLOCK, count))
            lengths[rows] = np.linalg.norm(np.asarray(vectors[rows], dtype=np.float32), axis=1)
        self.order = np.argsort(-(lengths + self.bias), kind="stable")
        starts = np.arange(0, count, STRIDE)
        self.tops = np.stack([np.maximum.reduceat(values[self.order], starts) for values in (lengths, self.bias)], 1)
        self.bytes = np.empty((count, dim), dtype=np.int8)
        self.step = np.empty(count, dtype=np.float32)
        self.missed = np.empty(count, dtype=np.float32)
        self.total, self.gram = np.zeros(dim), np.zeros((dim, dim))
        self.with_bias = np.zeros(dim)
        for start in range(0, count, _BLOCK):
            self._read(slice(start, min(start + _BLOCK, count)), lengths)
        wide = self.bias.astype(np.float64)
        self.biases = float(wide.sum()), float(wide @ wide)

    def _read(self, rows: slice, lengths: Floats) -> None:
        contents = self.order[rows]
        block = np.asarray(self.vectors[contents], dtype=np.float32)
        step = np.abs(block).max(axis=1) / np.float32(_STEPS)
        steps = np.rint(block / np.where(step > 0.0, step, np.float32(1.0))[:, None])
        self.bytes[rows], self.step[rows] = steps, step
        rounded = np.float32(_ROUNDED * block.shape[1]) * lengths[contents]
        self.missed[rows] = np.linalg.norm(block - steps * step[:, None], axis=1) + rounded
        wide = block.astype(np.float64)  # sums of squares cancel: products of float32 would leave few digits
        self.total += wide.sum(axis=0)
        self.gram += wide.T @ wide
        self.with_bias += wide.T @ self.bias[contents]

    def scores_of(self, vector: Floats) -> OneUser:
        """The scores of a user with this vector (dim,)."""
        return _Products(self, np.array(vector, dtype=np.float32))


@dataclass(frozen=True)
class _Products(OneUser):
    table: Table
    vector: Floats

    def sums(self) -> tuple[float, float]:
        table, wide = self.table, self.vector.astype(np.float64)
        total, squares = table.biases
        return (
            float(table.total @ wide) + total,
            float(wide @ table.gram @ wide) + 2.0 * float(table.with_bias @ wide) + squares,
        )

    def at(self, contents: Ints) -> Floats:
        found: Floats = np.asarray(self.table.vectors[contents]) @ self.vector
        found += self.table.bias[contents]
        return found

    def best(self, k: int, closed: Ints) -> Ints:
        table, length = self.table, np.float32(np.linalg.norm(self.vector))
        known = (table.order, table.tops, table.bytes, table.step, table.bias, table.missed)
        reach = np.sort(_reach(*known, self.vector, length, closed, max(k, 1)))
        return _chosen(reach, self.at(reach), k)


def _chosen(contents: Ints, scores: Floats, k: int) -> Ints:
    """The ``k`` of highest score; ``contents`` ascend."""
    places, _ = top_k(scores[None, :], k)
    return np.asarray(contents[places[0][places[0] >= 0]], dtype=np.int64)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _guess(row, vector):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """A product that may be summed in any order, so that several numbers are multiplied at a time."""
    total = np.float32(0.0)
    for place in range(len(vector)):
        total += np.float32(row[place]) * vector[place]
    return total


@numba.njit(cache=True, nogil=True)
def _reach(order, tops, steps, step, bias, missed, vector, length, closed, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The contents whose score may be among the ``k`` highest of those not ``closed``, in no order.

    ``missed`` times ``length`` is how far each guess may be from the score; ``tops`` has the greatest length and bias
    of each `STRIDE` contents of the ``order``.
    """
    count = len(steps)
    maybe, upper = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
    room = min(count, ROOM * k)
    found, lower = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.float32)
    within, size, bar = 0, 0, np.float32(-np.inf)
    rounded = np.float32(_ROUNDED)
    for stride in range(len(tops)):
        longest, greatest = tops[stride]
        if longest * length * np.float32(1.0001) + greatest + np.float32(0.0001) * abs(greatest) < bar:
            continue
        for place in range(stride * STRIDE, min(count, (stride + 1) * STRIDE)):
            content = order[place]
            guess = step[place] * _guess(steps[place], vector) + bias[content]
            slack = missed[place] * length + rounded * abs(bias[content])
            if guess + slack < bar:
                continue
            among = np.searchsorted(closed, content)
            if among < len(closed) and closed[among] == content:
                continue
            maybe[within], upper[within] = content, guess + slack
            within += 1
            if guess - slack > bar:
                if size == room:
                    size, bar = cut(found, lower, size, k)
                if guess - slack > bar:
                    found[size], lower[size] = content, guess - slack
                    size += 1
    if size >= k:
        size, bar = cut(found, lower, size, k)
    return maybe[:within][upper[:within] >= bar]
