"""The best inner products of one user's vector with the vectors of all contents, without working them all out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np

from graph.errors import ModelError
from recommenders.core.one_user import OneUser, best_of
from recommenders.core.top_k import ROOM, Floats, Ints, cut

__all__ = ["InnerProducts"]

_STEPS: Final = 127.0
"""A number of a vector is kept as one of 255 steps."""
_ROUNDED: Final = 2e-7
"""Bound on the rounding error of a sum, for each number in it: more than single precision makes."""
HEAD: Final = 16
"""Numbers of a turned vector that are looked at first. Of the network's vectors at full size, which have 64, they leave
10 in 100 contents to be looked at in full; 24 leave 4 and 32 leave 1, for a dearer first look."""
STRIDE: Final = 256
"""Contents that are passed over together."""
_WIDE: Final = 32
"""Numbers that the processor multiplies at a time: what is shorter is multiplied one by one."""
_BLOCK: Final = 65_536
"""Vectors that are looked at at once."""


class InnerProducts:
    """Vectors of all contents, whose products with a user's vector are the scores.

    Beside the vectors it keeps them turned, so that their first numbers tell most, and in a byte a number, with how far
    each is from what that says. A pass over the first numbers bounds every score, a second one over the rest where that
    bound is high enough; only contents whose upper bound reaches the ``k``-th best lower bound are multiplied in full,
    so the best are the best of all products (as in "FEXIPRO: Fast and Exact Inner Product Retrieval in Recommender
    Systems", SIGMOD 2017). The bytes stand in the order of length and bias, longest first: what is too short to reach
    that bar is not looked at (Cauchy and Schwarz). Of ALS's vectors at full size that leaves 3 in 100.
    """

    def __init__(self, vectors: Floats, bias: Floats | None = None, users: Floats | None = None) -> None:
        """``vectors`` are (contents, dim), ``bias`` (contents,) is added to their products.

        Raises ModelError where one of them is no finite number, which would hide all others, or where one of ``users``
        is none: the known vectors (users, dim) that `scores_of` is asked for.
        """
        if users is not None and not all(np.isfinite(part).all() for part in _blocks(users)):
            raise _not_finite()
        count, dim = vectors.shape
        self.vectors = vectors
        self.bias = np.zeros(count, dtype=np.float32) if bias is None else np.array(bias, dtype=np.float32)
        self.total, self.gram, self.with_bias = np.zeros(dim), np.zeros((dim, dim)), np.zeros(dim)
        lengths = np.zeros(count, dtype=np.float32)
        blocks = [slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
        for rows in blocks:
            wide = self.vectors[rows].astype(np.float64)  # sums of squares cancel: float32 would leave few digits
            if not (np.isfinite(wide).all() and np.isfinite(self.bias[rows]).all()):
                raise _not_finite()
            lengths[rows] = np.linalg.norm(wide, axis=1)
            self.total += wide.sum(axis=0)
            self.gram += wide.T @ wide
            self.with_bias += wide.T @ self.bias[rows]
        biases = self.bias.astype(np.float64)
        self.biases = float(biases.sum()), float(biases @ biases)
        self.turn = np.linalg.eigh(self.gram).eigenvectors[:, ::-1]
        """Orthogonal, (dim, dim): what turns a vector."""
        self.order = np.argsort(-(lengths + self.bias), kind="stable")
        """The contents in the order in which the arrays below have them."""
        starts = np.arange(0, count, STRIDE)
        self.tops = np.stack([np.maximum.reduceat(values[self.order], starts) for values in (lengths, self.bias)], 1)
        self.heads = np.zeros((len(starts), HEAD, STRIDE), dtype=np.int8)
        self.tails = np.zeros((count, -(-max(dim - HEAD, 0) // _WIDE) * _WIDE), dtype=np.int8)
        self.bounds = np.zeros((len(starts), 4, STRIDE), dtype=np.float32)
        """Bias, the size of a step, how far the bytes are from the vector, and the length of what the head leaves."""
        for rows in blocks:
            self._read(rows, lengths)

    def _read(self, rows: slice, lengths: Floats) -> None:
        contents = self.order[rows]
        turned = self.vectors[contents].astype(np.float64) @ self.turn
        step = (np.abs(turned).max(axis=1) / _STEPS).astype(np.float32)
        steps = np.rint(turned / np.where(step > 0.0, step, np.float32(1.0))[:, None])
        heads, tails = steps[:, :HEAD], steps[:, HEAD:]
        self.tails[rows, : tails.shape[1]] = tails
        rounded = _ROUNDED * turned.shape[1] * lengths[contents]
        missed = np.linalg.norm(turned - steps * step[:, None], axis=1) + rounded
        left = np.linalg.norm(turned[:, HEAD:], axis=1) * (1.0 + _ROUNDED)
        strides, within = np.divmod(np.arange(rows.start, rows.stop), STRIDE)
        self.heads[strides, : heads.shape[1], within] = heads
        self.bounds[strides, :, within] = np.stack([self.bias[contents], step, missed, left], 1)

    def scores_of(self, vector: Floats) -> OneUser:
        """The scores of a user with this vector (dim,)."""
        return _Products(self, np.array(vector, dtype=np.float32))


def _blocks(vectors: Floats) -> Iterator[Floats]:
    """Few rows at a time, so that a file of many is not copied into memory."""
    for start in range(0, len(vectors), _BLOCK):
        yield vectors[start : start + _BLOCK]


def _not_finite() -> ModelError:
    return ModelError("The model's vectors are not all finite numbers.", do="Run `entourage train` again.")


@dataclass(frozen=True)
class _Products(OneUser):
    known: InnerProducts
    vector: Floats

    def sums(self) -> tuple[float, float]:
        known, wide = self.known, self.vector.astype(np.float64)
        total, squares = known.biases
        return (
            float(known.total @ wide) + total,
            float(wide @ known.gram @ wide) + 2.0 * float(known.with_bias @ wide) + squares,
        )

    def at(self, contents: Ints) -> Floats:
        found: Floats = np.asarray(self.known.vectors[contents]) @ self.vector
        found += self.known.bias[contents]
        return found

    def best(self, k: int, closed: Ints) -> Ints:
        known = self.known
        turned = self.vector.astype(np.float64) @ known.turn
        length, rest = (np.float32(np.linalg.norm(part)) for part in (turned, turned[HEAD:]))
        padded = np.zeros(HEAD + known.tails.shape[1], dtype=np.float32)
        padded[: len(turned)] = turned
        arrays = (known.order, known.tops, known.heads, known.tails, known.bounds)
        reach = np.sort(_reach(*arrays, padded[:HEAD], padded[HEAD:], length, rest, closed, max(k, 1)))
        return best_of(reach, self.at(reach), k)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _product(row, vector):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """May be summed in any order, so that several numbers are multiplied at a time."""
    total = np.float32(0.0)
    for place in range(len(row)):
        total += np.float32(row[place]) * vector[place]
    return total


@numba.njit(cache=True, nogil=True)
def _first_look(heads, bounds, head, length, guess, slack):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Scores of `STRIDE` contents by their heads, and how far from these the true scores may be."""
    for place in range(STRIDE):
        guess[place] = 0.0
        slack[place] = bounds[2, place] * length + np.float32(_ROUNDED) * abs(bounds[0, place])
    for number in range(HEAD):
        for place in range(STRIDE):
            guess[place] += head[number] * np.float32(heads[number, place])
    for place in range(STRIDE):
        guess[place] = guess[place] * bounds[1, place] + bounds[0, place]


@numba.njit(cache=True, nogil=True)
def _reach(order, tops, heads, tails, bounds, head, tail, length, rest, closed, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The contents whose score may be among the ``k`` highest of those not ``closed``, in no order.

    ``head`` and ``tail`` are a turned vector; ``length`` is that of both and ``rest`` of the tail. ``tops`` has the
    greatest length and bias of each `STRIDE` contents of the ``order``.
    """
    count = len(order)
    maybe, upper = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
    room = min(count, ROOM * k)
    found, lower = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.float32)
    guesses, slacks = np.empty(STRIDE, dtype=np.float32), np.empty(STRIDE, dtype=np.float32)
    within, size, bar = 0, 0, np.float32(-np.inf)
    for stride in range(len(tops)):
        longest, greatest = tops[stride]
        if longest * length * np.float32(1.0001) + greatest + np.float32(0.0001) * abs(greatest) < bar:
            continue
        _first_look(heads[stride], bounds[stride], head, length, guesses, slacks)
        for place in range(min(count - stride * STRIDE, STRIDE)):
            guess, slack = guesses[place], slacks[place]
            if guess + slack + bounds[stride, 3, place] * rest < bar:
                continue
            guess += bounds[stride, 1, place] * _product(tails[stride * STRIDE + place], tail)
            if guess + slack < bar:
                continue
            content = order[stride * STRIDE + place]
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
