"""The ``k`` highest of many scores. Of equal scores the lower column comes first."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Ints", "Mask", "top_k", "top_k_of_segments"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_FEW: Final = 32
"""Largest ``k`` that is found by insertion; the cost of insertion grows with ``k`` if scores rise along a row."""


def top_k(scores: Floats, k: int) -> tuple[Ints, Floats]:
    """Columns and values of the ``k`` highest scores of each row, best first, ties by lower column.

    Shape (n, min(k, columns)) for ``scores`` of shape (n, columns). NaN counts as -inf; -inf comes back as -1.
    """
    rows, width = scores.shape
    indptr = np.arange(rows + 1, dtype=np.int64) * width
    flat = np.ascontiguousarray(scores, dtype=np.float32).ravel()
    columns, values = _best(indptr, flat, min(k, width))
    return columns, values


def top_k_of_segments(scores: Floats, indptr: Ints, k: int) -> Ints:
    """For each row i, the positions of its ``k`` highest scores within ``scores[indptr[i]:indptr[i + 1]]``.

    Shape (n, k), best first, ties by lower position, -1 where a row has fewer than ``k``.
    """
    places: Ints = _best(np.asarray(indptr, dtype=np.int64), np.ascontiguousarray(scores, dtype=np.float32), k)[0]
    return places


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
        segment = scores[indptr[row] : indptr[row + 1]].copy()
        for place in range(len(segment)):
            if np.isnan(segment[place]):
                segment[place] = lowest
        count = min(k, len(segment))
        if count == 0:
            continue
        bar = lowest
        if len(segment) > k:
            bar = np.partition(segment, len(segment) - k)[len(segment) - k]
        above = 0
        for place in range(len(segment)):
            above += segment[place] > bar
        ties = count - above
        kept = np.empty(count, dtype=np.int64)
        found = 0
        for place in range(len(segment)):
            if segment[place] > bar:
                kept[found] = place
                found += 1
            elif segment[place] == bar and ties > 0:
                kept[found] = place
                found += 1
                ties -= 1
        order = np.argsort(-segment[kept], kind="mergesort")  # stable: equal scores keep the order of their positions
        for rank in range(count):
            place = kept[order[rank]]
            if segment[place] > lowest:
                places[row, rank] = place
                values[row, rank] = segment[place]
    return places, values
