"""NDCG, used by validation, the leaderboard, the suites and the generator's ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recommenders.core.top_k import Ints

__all__ = ["Judged", "Values", "discounts", "judge", "mean_ndcg", "ndcg", "ndcg_of_rows", "places", "values_at"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Rankings of n users with the held-out values at each place."""

    gains: Values
    """Shape (n, k): the held-out value of the content at each place; 0 where it was not held out."""
    ideal: Values
    """Shape (n, k): the k highest held-out values, highest first, padded with 0."""
    held: Ints
    """Shape (n,): number of held-out contents."""


def judge(ids: Ints, held_out: sp.csr_array) -> Judged:
    """Look each recommended content up among the held-out ones.

    ``ids`` has shape (n, k), -1 for nothing; row i of ``held_out`` (n × contents) belongs to row i of ``ids``.
    """
    n, k = ids.shape
    held_out = sp.csr_array(held_out)
    held = np.diff(held_out.indptr).astype(np.int64)
    found = values_at(held_out, np.arange(n)[:, None], np.maximum(ids, 0))
    gains = np.where(ids >= 0, found, 0.0).astype(np.float64)

    rows = np.repeat(np.arange(n), held)
    rank = places(rows, held_out.data)
    best = rank < k
    ideal = np.zeros((n, k))
    ideal[rows[best], rank[best]] = held_out.data[best]
    return Judged(gains, ideal, held)


def values_at(matrix: sp.csr_array, rows: Ints, columns: Ints) -> npt.NDArray[Any]:
    """The value of ``matrix`` at each pair of ``rows`` and ``columns``, which broadcast; 0 where it has none.

    Sorts the indices of ``matrix`` where they are not sorted yet.
    """
    matrix.sort_indices()
    width = matrix.shape[1]
    asked = rows * width + columns
    if not matrix.nnz:
        return np.zeros(asked.shape, dtype=matrix.dtype)
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices  # ascending
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, matrix.data[place], 0.0)


def ndcg(judged: Judged, k: int, *, graded: bool = False) -> Values:
    """NDCG@k of each user, shape (n,); NaN for users without held-out contents.

    The discount is 1 / log2(place + 1). A hit gains 1, or with ``graded`` its held-out value (linear gain; Järvelin and
    Kekäläinen, TOIS 2002). The ideal ranking starts with the min(k, held out) highest values.
    """
    weight = discounts(k)
    listed, ideal_listed = judged.gains[:, :k], judged.ideal[:, :k]
    if graded:
        gained: Values = listed @ weight[: listed.shape[1]]
        ideal: Values = ideal_listed @ weight[: ideal_listed.shape[1]]
    else:
        gained = (listed > 0) @ weight[: listed.shape[1]]
        ideal = np.concatenate(([0.0], np.cumsum(weight)))[np.minimum(judged.held, k)]
    values: Values = np.divide(gained, ideal, out=np.full(len(gained), np.nan), where=ideal > 0)
    return values


def mean_ndcg(ids: Ints, held_out: sp.csr_array, k: int, *, graded: bool = False) -> float:
    """The mean of `ndcg` over the users with held-out contents; 0 without any. Arguments as for `judge`."""
    values = ndcg(judge(ids[:, :k], held_out), k, graded=graded)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else 0.0


def places(owners: Ints, scores: npt.NDArray[Any], draw: Values | None = None) -> Ints:
    """Place, from 0, of each row among the rows of its owner, the highest score first; all have shape (rows,).

    Of equal scores the one with the lowest ``draw`` comes first, without draws the one that stands first.
    """
    order = np.lexsort((-scores, owners) if draw is None else (draw, -scores, owners))
    counts = np.bincount(owners)
    found = np.empty(len(owners), dtype=np.int64)
    found[order] = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return found


def ndcg_of_rows(owners: Ints, places_: Ints, gains: npt.NDArray[Any], k: int) -> Values:
    """Graded NDCG@k of each owner 0, 1, … where only an owner's own rows were ranked, at the `places` that are given.

    ``owners``, ``places_`` and ``gains`` have shape (rows,). NaN for an owner without a gain above 0.
    """
    weight = np.append(discounts(k), 0.0)
    gained, ideal = (
        np.bincount(owners, weights=gains * weight[np.minimum(at, k)]) for at in (places_, places(owners, gains))
    )
    values: Values = np.divide(gained, ideal, out=np.full(len(gained), np.nan), where=ideal > 0)
    return values


def discounts(k: int) -> Values:
    """1 / log2(place + 1) of the places 1 to ``k``."""
    return 1.0 / np.log2(np.arange(2, k + 2))
