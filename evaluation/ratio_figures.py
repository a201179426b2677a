"""The figures by which predicted watch ratios are judged: errors of rows, and rankings of each user's candidates."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommenders.core.ndcg import Values, ndcg_of_rows, places
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Rows

__all__ = ["FEWEST", "measure"]

_BEST_GAIN: Final = 2.0
"""Gains are ratios clipped at this: a video that runs on by itself is not worth a hundred."""
_PAIRS: Final = 200_000
"""Pairs of rows drawn for XAUC."""
FEWEST: Final = 2
"""Candidates of a user who is judged by a ranking."""


def measure(predicted: Floats, rows: Rows, most: int, seed: int = 0) -> tuple[dict[str, float], Values]:
    """The figures of predictions for ``rows``, and each user's mean absolute error.

    Equal predictions, and equal true ratios, are ordered by chance: which of equal ratios are the highest depends on
    the seed alone, so that no model gains by it.

    MAE and RMSE over rows; "MAE, users" the mean over users; XAUC the share of pairs of rows in the right order; over
    users of two candidates and more, HR the share of the ``most`` highest ratios among the highest predictions (also
    the precision, the recall and the F1 of that many), Jaccard what both have in common by what either has, "NDCG,
    notebook" with gains 0 and 1 and the ideal from what was retrieved, NDCG with ratios up to 2 as gains and the ideal
    of all candidates.
    """
    error = np.abs(predicted - rows.ratios).astype(np.float64)
    by_user = np.bincount(rows.users, weights=error)
    counts = np.bincount(rows.users)
    errors = by_user[counts > 0] / counts[counts > 0]
    random = np.random.default_rng(seed)
    one, two = random.integers(0, len(rows), (2, _PAIRS))
    apart = rows.ratios[one] != rows.ratios[two]
    agree = (predicted[one] - predicted[two]) * (rows.ratios[one] - rows.ratios[two])
    right = np.where(agree[apart] > 0, 1.0, np.where(agree[apart] == 0, 0.5, 0.0))
    xauc = float(right.mean()) if len(right) else 0.5
    ranked = _ranking(predicted, rows, most, random)
    return {
        "MAE": float(error.mean()),
        "MAE, users": float(errors.mean()),
        "RMSE": float(np.sqrt((error**2).mean())),
        "XAUC": xauc,
        **ranked,
        "predicted": float(predicted.mean()),
        "true": float(rows.ratios.mean()),
    }, errors


def _ranking(predicted: Floats, rows: Rows, most: int, random: np.random.Generator) -> dict[str, float]:
    ties, chance = random.random((2, len(rows)))
    users, ratios = rows.users, rows.ratios.astype(np.float64)
    candidates = np.bincount(users)
    judged = candidates >= FEWEST
    place = places(users, predicted, ties)
    retrieved, best = place < most, places(users, ratios, chance) < most
    k = np.minimum(candidates, most)[judged]
    hits = np.bincount(users[retrieved & best], minlength=len(candidates))[judged]
    told = {
        "HR": hits / k,
        "Jaccard": hits / (2 * k - hits),
        "NDCG, notebook": ndcg_of_rows(users[retrieved], place[retrieved], 1.0 * best[retrieved], most)[judged],
        "NDCG": ndcg_of_rows(users, place, np.minimum(ratios, _BEST_GAIN), most)[judged],
    }
    return {name: float(np.nan_to_num(values).mean()) if judged.any() else 0.0 for name, values in told.items()}
