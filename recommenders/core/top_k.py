"""The ``k`` highest of many scores. Of equal scores the lower column comes first."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

__all__ = [
    "ROOM",
    "Floats",
    "Ints",
    "Mask",
    "all_equal",
    "cut",
    "highest_of_rows",
    "top_k",
    "top_k_left",
    "top_k_of_segments",
]

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_FEW: Final = 32
"""Largest ``k`` that is found by insertion; the cost of insertion grows with ``k`` if scores rise along a row."""
ROOM: Final = 8
"""Times ``k`` scores that are kept before they are cut to ``k``."""


def top_k(scores: Floats, k: int, ties: np.random.Generator | None = None) -> tuple[Ints, Floats]:
    """Columns and values of the ``k`` highest scores of each row, best first.

    Ties by lower column, or with ``ties`` in a random order drawn anew for each row. Both have shape (n, k): NaN counts
    as -inf, and what is -inf, or where a row has fewer than ``k``, comes back as column -1 and value -inf.
    """
    rows, width = scores.shape
    if ties is not None:
        order = ties.permuted(np.tile(np.arange(width, dtype=np.int32), (rows, 1)), axis=1)
        places, values = top_k(np.take_along_axis(scores, order, axis=1), k)
        columns = np.take_along_axis(order, np.maximum(places, 0), axis=1)
        return np.where(places >= 0, columns.astype(np.int64), -1), values
    indptr = np.arange(rows + 1, dtype=np.int64) * width
    flat = np.ascontiguousarray(scores, dtype=np.float32).ravel()
    columns, values = _best(indptr, flat, k)
    return columns, values


def top_k_left(
    scores: Floats, k: int, seen: tuple[Places | int, Places], known: Mask | None = None, allowed: Mask | None = None
) -> tuple[Ints, Floats]:
    """`top_k` without the pairs ``seen``, given as rows and columns, among the columns that are in both masks.

    A mask has shape (columns,); None holds all. Writes -inf into ``scores`` for whatever is left out.
    """
    scores[seen] = -np.inf
    for mask in (known, allowed):
        if mask is not None:
            scores[:, ~mask] = -np.inf
    return top_k(scores, k)


def top_k_of_segments(scores: Floats, indptr: Ints, k: int) -> Ints:
    """For each row i, the positions of its ``k`` highest scores within ``scores[indptr[i]:indptr[i + 1]]``.

    Shape (n, k), best first, ties by lower position, -1 where a row has fewer than ``k``.
    """
    places: Ints = _best(np.asarray(indptr, dtype=np.int64), np.ascontiguousarray(scores, dtype=np.float32), k)[0]
    return places


def highest_of_rows(matrix: sp.csr_array, k: int) -> sp.csr_array:
    """``matrix`` with only the ``k`` highest values above 0 of each row, in the order in which they stand.

    Of equal values the one that stands first is kept: where the columns of each row ascend, that of the lower column.
    """
    values = np.asarray(matrix.data, dtype=np.float32)
    keep = _highest(matrix.indptr.astype(np.int64), values, k)
    kept = np.concatenate(([0], np.cumsum(keep)))[matrix.indptr].astype(matrix.indptr.dtype)
    return sp.csr_array((matrix.data[keep], matrix.indices[keep], kept), shape=matrix.shape)


@numba.njit(cache=True, nogil=True)
def all_equal(scores):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Rows, shape (n,), whose finite scores do not differ. Most rows are told by their first few scores."""
    rows, width = scores.shape
    equal = np.ones(rows, dtype=np.bool_)
    for row in range(rows):
        first = np.float32(np.nan)
        for column in range(width):
            score = scores[row, column]
            if np.isfinite(score):
                if np.isnan(first):
                    first = score
                elif score != first:
                    equal[row] = False
                    break
    return equal


@numba.njit(cache=True, nogil=True)
def _insert(segment, places, values):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One pass that keeps the best scores so far in order; ten times as fast as a partition for a small ``k``."""
    last = len(values) - 1
    if last < 0:
        return
    for place in range(len(segment)):
        score = segment[place]
        if score > values[last]:  # false for NaN and -inf; an equal score stays behind the lower position
            rank = last
            while rank > 0 and score > values[rank - 1]:
                values[rank], places[rank] = values[rank - 1], places[rank - 1]
                rank -= 1
            values[rank], places[rank] = score, place


@numba.njit(cache=True, nogil=True)
def _best(indptr, scores, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Runs in one thread, because the service ranks in threads of its own."""
    rows = len(indptr) - 1
    places = np.full((rows, k), -1, dtype=np.int64)
    values = np.full((rows, k), -np.inf, dtype=np.float32)
    lowest = np.float32(-np.inf)
    if k <= _FEW:
        for row in range(rows):
            _insert(scores[indptr[row] : indptr[row + 1]], places[row], values[row])
        return places, values
    for row in range(rows):
        segment = scores[indptr[row] : indptr[row + 1]]
        room = min(len(segment), ROOM * k)
        found, best = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.float32)
        size = _gather(segment, k, lowest, found, best)
        order = np.argsort(-best[:size], kind="mergesort")  # stable: equal scores keep the order of their positions
        for rank in range(size):
            places[row, rank] = found[order[rank]]
            values[row, rank] = best[order[rank]]
    return places, values


@numba.njit(cache=True, nogil=True)
def _highest(indptr, values, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Mask of the ``k`` highest values above 0 of each segment."""
    keep = np.zeros(len(values), dtype=np.bool_)
    found, best = np.empty(ROOM * k, dtype=np.int64), np.empty(ROOM * k, dtype=np.float32)
    for row in range(len(indptr) - 1):
        start = indptr[row]
        segment = values[start : indptr[row + 1]]
        for at in range(_gather(segment, k, np.float32(0.0), found, best)):
            keep[start + found[at]] = True
    return keep


@numba.njit(cache=True, nogil=True)
def _gather(segment, k, bar, found, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the ``k`` highest scores above ``bar`` into ``best``, their positions into ``found``; how many there are.

    They keep the order of their positions. Only what beats the bar is looked at twice: in a long row, few scores do.
    """
    size = 0
    for place in range(len(segment)):
        if segment[place] > bar:  # false for NaN and -inf; an equal score stays behind the lower position
            if size == len(found):
                size, bar = cut(found, best, size, k)
                if segment[place] <= bar:
                    continue
            found[size], best[size] = place, segment[place]
            size += 1
    if size > k:
        size, bar = cut(found, best, size, k)
    return size


@numba.njit(cache=True, nogil=True)
def cut(found, best, size, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Keep the ``k`` highest of the first ``size``, in the order of their positions; also gives the lowest of them."""
    bar = np.partition(best[:size], size - k)[size - k]
    ties = k - (best[:size] > bar).sum()
    kept = 0
    for at in range(size):
        if best[at] > bar or (best[at] == bar and ties > 0):
            ties -= best[at] == bar
            found[kept], best[kept] = found[at], best[at]
            kept += 1
    return kept, bar
