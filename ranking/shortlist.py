"""The candidates of one user from what the models know of that user, without a row of all contents.

They are those of `ranking.candidates.gather`: the same contents, and scores that differ by rounding alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from ranking.candidates import Candidates
from recommenders.core.one_user import FewScores, OneUser
from recommenders.core.top_k import Floats, Ints

__all__ = ["candidates_of"]

_FLAT: Final = 1e-12
"""Variance, as a share of the mean square, below which all scores count as equal: it is made of rounding alone."""
_SMALLEST: Final = 1e-24
"""Variance below which they count as equal in `ranking.candidates.standardise` too."""


def candidates_of(user: int, parts: Sequence[OneUser], seen: Ints, width: int, depth: int) -> Candidates:
    """The ``depth`` best unseen contents of every model for a user, scored by all models.

    ``parts`` are the user's scores by each model, which knows all ``width`` contents; ``seen`` ascend.
    """
    none = FewScores(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32), width)
    scales = [_scale(part, seen, width) for part in parts]
    best = [(none if scale is None else part).best(depth, seen) for part, scale in zip(parts, scales, strict=True)]
    contents = np.unique(np.concatenate(best))
    scores = np.zeros((len(contents), len(parts)), dtype=np.float32)
    for column, (part, scale) in enumerate(zip(parts, scales, strict=True)):
        if scale is not None:
            scores[:, column] = _standardised(part.at(contents), *scale)
    return Candidates(np.array([user]), np.array([0, len(contents)]), contents, scores)


def _scale(part: OneUser, seen: Ints, width: int) -> tuple[float, float] | None:
    """Mean and deviation of the scores of unseen contents; None if these are all equal."""
    total, squares = part.sums()
    watched = part.at(seen).astype(np.float64)
    count = max(width - len(seen), 1)
    mean = (total - float(watched.sum())) / count
    square = (squares - float(watched @ watched)) / count
    variance = square - mean * mean
    return (mean, math.sqrt(variance)) if variance > max(_FLAT * square, _SMALLEST) else None


def _standardised(scores: Floats, mean: float, deviation: float) -> Floats:
    return np.asarray((scores - np.float32(mean)) * np.float32(1.0 / deviation), dtype=np.float32)
