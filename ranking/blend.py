"""A weighted sum of the models' standardised scores, the weights found by greedy search on validation."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from baselines.recommender import Floats, Ints
from baselines.tuning import CUTOFF
from ranking.candidates import Candidates

__all__ = ["Judge", "search"]

_SEARCHED: Final = 3_000
"""Users whose lists the search looks at."""
_STEPS: Final = (0.3, 0.1, 0.03)
_FACTORS: Final = (0.0, 0.5, 0.8, 1.25, 2.0)


class Judge:
    """NDCG@k of many rankings of the same candidates, with what was held out as gains.

    ``held_out`` is users × contents of the whole graph; what is not among the candidates still counts in the ideal.
    """

    def __init__(self, candidates: Candidates, held_out: sp.csr_array, k: int = CUTOFF) -> None:
        self._indptr = candidates.indptr
        self._worth = candidates.worth(held_out)
        self._discount = 1.0 / np.log2(np.arange(2, k + 2))
        self._ideal = _ideal(sp.csr_array(held_out[candidates.users]), self._discount)

    def by_user(self, scores: Floats) -> npt.NDArray[np.float64]:
        """One value a user, for the candidates ordered by ``scores`` (shape (rows,)); ties keep their order."""
        gained: npt.NDArray[np.float64] = _gains(self._indptr, scores, self._worth, self._discount)
        return gained / self._ideal

    def mean(self, scores: Floats) -> float:
        """The mean of `by_user`, 0 without users."""
        return float(self.by_user(scores).mean()) if len(self._ideal) else 0.0


def search(candidates: Candidates, held_out: sp.csr_array, seed: int = 0) -> Floats:
    """Weights of the models, shape (models,), the highest 1, that give the best mean NDCG@`CUTOFF`.

    Starts from the best single model, then changes one weight at a time as long as that helps, by smaller and smaller
    steps; so a model that adds nothing keeps weight 0.
    """
    if len(candidates.users) > _SEARCHED:
        places: Ints = np.random.default_rng(seed).choice(len(candidates.users), _SEARCHED, replace=False)
        candidates = candidates.of(np.sort(places))
    judge = Judge(candidates, held_out)
    singles = np.eye(candidates.scores.shape[1], dtype=np.float32)
    alone = [judge.mean(candidates.scores @ single) for single in singles]
    weights, best = singles[int(np.argmax(alone))], max(alone)
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for model, weight in enumerate(weights.tolist()):
                for value in sorted({weight + step, *(weight * factor for factor in _FACTORS)} - {weight}):
                    changed = weights.copy()
                    changed[model] = value
                    found = judge.mean(candidates.scores @ changed)
                    if changed.any() and found > best + 1e-5:
                        weights, best, improved = changed, found, True
    return np.asarray(weights / weights.max(), dtype=np.float32)


def _ideal(held_out: sp.csr_array, discount: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The best possible DCG of each row, at least a hair above 0."""
    rows = np.repeat(np.arange(held_out.shape[0]), np.diff(held_out.indptr))
    order = np.lexsort((-held_out.data, rows))
    place = np.arange(len(rows)) - np.repeat(held_out.indptr[:-1], np.diff(held_out.indptr))
    counted = place < len(discount)
    gains = held_out.data[order][counted] * discount[place[counted]]
    return np.maximum(np.bincount(rows[counted], weights=gains, minlength=held_out.shape[0]), 1e-12)


@numba.njit(cache=True)
def _gains(indptr, scores, worth, discount):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """DCG of every user's highest scores: the best so far are kept sorted, most candidates never enter."""
    k = len(discount)
    found = np.zeros(len(indptr) - 1)
    best = np.empty(k, dtype=np.float32)
    gain = np.empty(k, dtype=np.float32)
    for user in range(len(indptr) - 1):
        held = 0
        for row in range(indptr[user], indptr[user + 1]):
            score = scores[row]
            if held == k and score <= best[k - 1]:
                continue
            place = held if held < k else k - 1
            while place > 0 and best[place - 1] < score:
                best[place] = best[place - 1]
                gain[place] = gain[place - 1]
                place -= 1
            best[place] = score
            gain[place] = worth[row]
            held = min(held + 1, k)
        for place in range(held):
            found[user] += gain[place] * discount[place]
    return found
