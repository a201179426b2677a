"""The blend: a weighted sum of the models' standardised scores, fitted by maximum likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ranking.candidates import Candidates
from ranking.config import CONFIG
from recommenders.core.config import CORE
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.top_k import Floats, Ints, Mask, top_k_of_segments

__all__ = ["Judge", "fit"]


class Judge:
    """NDCG@k of many rankings of the same candidates, with the held-out values as gains.

    ``held_out`` is users × contents of the whole graph; contents that are not candidates count in the ideal ranking.
    """

    def __init__(self, candidates: Candidates, held_out: sp.csr_array, k: int = CORE.search_k) -> None:
        self._candidates = candidates
        self._held_out = sp.csr_array(held_out[candidates.users])
        self._k = k

    def by_user(self, scores: Floats) -> npt.NDArray[np.float64]:
        """NDCG@k of each user for candidates ordered by ``scores`` (shape (rows,)); ties keep their order."""
        candidates = self._candidates
        ids = _contents(candidates, top_k_of_segments(scores, candidates.indptr, self._k))
        return np.nan_to_num(ndcg(judge(ids, self._held_out), self._k, graded=True))

    def mean(self, scores: Floats) -> float:
        """The mean of `by_user`, 0 without users."""
        values = self.by_user(scores)
        return float(values.mean()) if len(values) else 0.0


def _contents(candidates: Candidates, places: Ints) -> Ints:
    """The contents at these positions within each user's candidates, -1 for none; shape of ``places``."""
    if not len(candidates.contents):
        return np.full_like(places, -1)
    rows = candidates.indptr[:-1, None] + np.maximum(places, 0)
    return np.where(places >= 0, candidates.contents[np.minimum(rows, len(candidates.contents) - 1)], -1)


def fit(candidates: Candidates, held_out: sp.csr_array) -> Floats:
    """Non-negative weights of the models, shape (models,), in log-odds.

    They maximise the likelihood of the held-out contents among all candidates. In up to `PipelineConfig.blend_rounds`
    rounds they are fitted again among each user's ``blend_head`` best candidates; the weights with the best
    NDCG@`CoreConfig.search_k` are kept, because weights that order all candidates well may order the best ones badly.
    Every user contributes to this objective; a greedy search for the best NDCG follows the few users whose lists it
    changes (experiments/second-stage.md). Without held-out contents all weights are equal.
    """
    gains = candidates.gains(held_out)
    even = np.full(candidates.scores.shape[1], CONFIG.blend_even, dtype=np.float32)
    if not gains.any():
        return even
    measure = Judge(candidates, held_out)
    tried = [_likeliest(candidates, gains, even)]
    for _ in range(CONFIG.blend_rounds):
        head = _head(candidates, candidates.scores @ tried[-1])
        if not gains[head].any():
            break
        tried.append(_likeliest(candidates.keep(head), gains[head], tried[-1]))
    best = max(tried, key=lambda weights: measure.mean(candidates.scores @ weights))
    return best if best.any() else even


def _head(candidates: Candidates, scores: Floats) -> Mask:
    """Mask of the rows among the `PipelineConfig.blend_head` best of their user."""
    places = top_k_of_segments(scores, candidates.indptr, CONFIG.blend_head)
    user, rank = np.nonzero(places >= 0)
    head: Mask = np.zeros(len(scores), dtype=bool)
    head[candidates.indptr[user] + places[user, rank]] = True
    return head


def _likeliest(candidates: Candidates, drawn: Floats, start: npt.NDArray[Any]) -> Floats:
    """Weights by conditional logit (McFadden 1974): a user's held-out contents are drawn from a softmax of the blend.

    The softmax is over the user's candidates, and each draw is weighted by its held-out value, ``drawn`` (rows,). The
    problem is convex.
    """
    users = len(candidates.users)
    some = np.bincount(candidates.row_user, weights=drawn, minlength=users) > 0
    rows = some[candidates.row_user]
    chosen = candidates.keep(rows).of(np.flatnonzero(some))
    scores, gains, user = chosen.scores, drawn[rows].astype(np.float64), chosen.row_user
    starts = chosen.indptr[:-1]
    total = np.add.reduceat(gains, starts)
    ridge = CONFIG.blend_ridge / total.sum()

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = (scores @ weights.astype(np.float32)).astype(np.float64)
        highest = np.maximum.reduceat(logits, starts)
        odds = np.exp(logits - highest[user])
        sums = np.add.reduceat(odds, starts)
        likelihood = (gains @ logits - total @ (np.log(sums) + highest)) / total.sum()
        residual = (gains - odds * (total / sums)[user]) / total.sum()
        slope = (residual.astype(np.float32) @ scores).astype(np.float64)
        away = weights - CONFIG.blend_even
        return ridge * float(away @ away) - float(likelihood), 2 * ridge * away - slope

    from scipy.optimize import minimize  # slow to import, and what serves a blend never fits one

    bounds = [(0.0, None)] * scores.shape[1]
    found = minimize(loss, start.astype(np.float64), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float32)
