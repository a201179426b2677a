"""Metrics at a list length k: accuracy of a ranking for each user, and properties of the recommended lists.

Precision, recall and NDCG are computed as in the social-recommendation papers (SELFRec, QRec): precision divides by k
even if fewer contents were held out; recall divides by the number held out; the ideal DCG runs over min(k, held out);
each is averaged over the users with held-out contents, and contents of the training part are masked. Their "hit ratio"
is not our HR: it is hits over all held-out interactions, a recall weighted by activity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recommenders.core import inequality
from recommenders.core.ndcg import Judged, Values, ndcg
from recommenders.core.nearest import sparse_unit
from recommenders.core.top_k import Ints

__all__ = [
    "PER_USER",
    "average_popularity",
    "average_precision",
    "coverage",
    "gini",
    "graded_ndcg",
    "hit_rate",
    "intra_list_diversity",
    "novelty",
    "precision",
    "recall",
    "reciprocal_rank",
]


def hit_rate(judged: Judged, k: int) -> Values:
    """1 for a user with at least one hit among the first ``k``, else 0."""
    return np.asarray(_hits(judged, k).max(axis=1))


def precision(judged: Judged, k: int) -> Values:
    """Hits among the first ``k``, divided by ``k``."""
    return np.asarray(_hits(judged, k).sum(axis=1) / k)


def recall(judged: Judged, k: int) -> Values:
    """Hits among the first ``k``, divided by the number held out."""
    return np.asarray(_hits(judged, k).sum(axis=1) / judged.held)


def graded_ndcg(judged: Judged, k: int) -> Values:
    """NDCG with engagement as the gain, so that contents with high engagement count more."""
    return ndcg(judged, k, graded=True)


def average_precision(judged: Judged, k: int) -> Values:
    """Precision at each hit's place, summed over the first ``k`` and divided by min(k, held out); its mean is MAP@k.

    NaN for users without held-out contents.
    """
    hits = _hits(judged, k)
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    most = np.minimum(judged.held, k)
    values: Values = np.divide((precisions * hits).sum(axis=1), most, out=np.full(len(most), np.nan), where=most > 0)
    return values


def reciprocal_rank(judged: Judged, k: int) -> Values:
    """1 / place of the first hit, 0 without one among the first ``k``; its mean is MRR@k."""
    hits = _hits(judged, k)
    return np.asarray(hits.max(axis=1) / (hits.argmax(axis=1) + 1))


#: Name in tables → metric with one value a user.
PER_USER: Final[dict[str, Callable[[Judged, int], Values]]] = {
    "HR": hit_rate,
    "Precision": precision,
    "Recall": recall,
    "NDCG": ndcg,
    "NDCG graded": graded_ndcg,
    "MAP": average_precision,
    "MRR": reciprocal_rank,
}


def coverage(ids: Ints, contents: int) -> float:
    """Share of the ``contents`` that is recommended to anyone."""
    return len(np.unique(ids[ids >= 0])) / contents


def gini(ids: Ints, contents: int) -> float:
    """Gini coefficient of how often each of the ``contents`` is recommended: 0 if equally often, near 1 if few are."""
    return inequality.gini(np.bincount(ids[ids >= 0], minlength=contents))


def novelty(ids: Ints, watchers: Ints, users: int) -> Values:
    """Mean self-information of each list in bits: -log2 of the share of ``users`` who watched the content.

    ``watchers`` (shape (contents,)) counts training watches; a content without watches counts as one with one watch.
    Users with an empty list get NaN. (Vargas and Castells, RecSys 2011.)
    """
    return _mean_over_lists(ids, -np.log2(np.maximum(watchers, 1) / users))


def average_popularity(ids: Ints, watchers: Ints) -> Values:
    """Mean number of training watches of each list's contents; NaN for an empty list."""
    return _mean_over_lists(ids, watchers.astype(np.float64))


def intra_list_diversity(ids: Ints, vectors: sp.csr_array) -> Values:
    """1 minus the mean cosine between the contents of each list; NaN for lists of fewer than two.

    ``vectors`` (contents × any number of columns) describe the contents, by their watchers or their features. A content
    without a vector has cosine 0 to all others. (Ziegler et al., WWW 2005.) Uses Σ over pairs of a·b = (|Σa|² - Σ|a|²)
    / 2.
    """
    unit = sparse_unit(vectors)
    described = np.asarray(unit.multiply(unit).sum(axis=1)).ravel() > 0
    listed = ids >= 0
    sizes = listed.sum(axis=1)
    diversity = np.full(len(ids), np.nan)
    block = 2_048
    for start in range(0, len(ids), block):
        rows, places = np.nonzero(listed[start : start + block])
        chosen = ids[start : start + block][rows, places]
        shape = (len(ids[start : start + block]), vectors.shape[0])
        membership = sp.csr_array((np.ones(len(rows)), (rows, chosen)), shape=shape)
        total = sp.csr_array(membership @ unit)
        together: Values = np.asarray(total.multiply(total).sum(axis=1), dtype=np.float64).ravel()
        alone = membership @ described.astype(np.float64)
        size = sizes[start : start + block]
        pairs = np.maximum(size * (size - 1), 1)
        diversity[start : start + block] = np.where(size > 1, 1.0 - (together - alone) / pairs, np.nan)
    return diversity


def _hits(judged: Judged, k: int) -> Values:
    return (judged.gains[:, :k] > 0).astype(np.float64)


def _mean_over_lists(ids: Ints, values: npt.NDArray[Any]) -> Values:
    listed = ids >= 0
    sizes = listed.sum(axis=1)
    totals = np.where(listed, values[np.maximum(ids, 0)], 0.0).sum(axis=1)
    return np.where(sizes > 0, totals / np.maximum(sizes, 1), np.nan)
