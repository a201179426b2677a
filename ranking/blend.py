"""A weighted sum of the models' standardised scores, the weights those that make what was held out most likely."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import minimize

from ranking.candidates import Candidates, ranks
from recommenders.core.recommender import Floats
from recommenders.core.search import CUTOFF

__all__ = ["Judge", "fit"]

_RIDGE: Final = 0.5
"""Pulls the weights to `_EVEN`, as strongly as one held-out content might: little data leaves them near it."""
_EVEN: Final = 0.1
_HEAD: Final = 50
_ROUNDS: Final = 2


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


def fit(candidates: Candidates, held_out: sp.csr_array) -> Floats:
    """Non-negative weights of the models, shape (models,), in log-odds.

    Those under which what was held out is likeliest among all candidates; or, where that gives a better NDCG@`CUTOFF`,
    among each user's `_HEAD` best by such weights, found in up to `_ROUNDS` rounds: what ranks the tail right need not
    rank the head right. Every user counts smoothly; a search for the best NDCG follows the few users whose lists it
    changes (docs/ranking.md). Even weights where nothing speaks for any model.
    """
    worth = candidates.worth(held_out)
    even = np.full(candidates.scores.shape[1], _EVEN, dtype=np.float32)
    if not worth.any():
        return even
    judge = Judge(candidates, held_out)
    tried = [_likeliest(candidates, worth, even)]
    for _ in range(_ROUNDS):
        head = ranks(candidates.scores @ tried[-1], candidates.indptr) < _HEAD
        if not worth[head].any():
            break
        tried.append(_likeliest(candidates.keep(head), worth[head], tried[-1]))
    best = max(tried, key=lambda weights: judge.mean(candidates.scores @ weights))
    return best if best.any() else even


def _likeliest(candidates: Candidates, worth: Floats, start: npt.NDArray[Any]) -> Floats:
    """The conditional logit (McFadden 1974): each held-out content is drawn from the softmax of the weighted scores.

    Drawn over its user's candidates, each draw weighing what the content was ``worth`` (rows,). Convex.
    """
    users = len(candidates.users)
    some = np.bincount(candidates.row_user, weights=worth, minlength=users) > 0
    rows = some[candidates.row_user]
    chosen = candidates.keep(rows).of(np.flatnonzero(some))
    scores, gains, user = chosen.scores, worth[rows].astype(np.float64), chosen.row_user
    starts = chosen.indptr[:-1]
    total = np.add.reduceat(gains, starts)
    ridge = _RIDGE / total.sum()

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = (scores @ weights.astype(np.float32)).astype(np.float64)
        highest = np.maximum.reduceat(logits, starts)
        odds = np.exp(logits - highest[user])
        sums = np.add.reduceat(odds, starts)
        likelihood = (gains @ logits - total @ (np.log(sums) + highest)) / total.sum()
        residual = (gains - odds * (total / sums)[user]) / total.sum()
        slope = (residual.astype(np.float32) @ scores).astype(np.float64)
        away = weights - _EVEN
        return ridge * float(away @ away) - float(likelihood), 2 * ridge * away - slope

    bounds = [(0.0, None)] * scores.shape[1]
    found = minimize(loss, start.astype(np.float64), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float32)


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
