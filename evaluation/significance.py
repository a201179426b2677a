"""Confidence intervals of a mean over users, and tests whether two models differ on the same users.

On ranking metrics the paired t-test and the bootstrap agree with a randomisation test; the Wilcoxon test, which does
not test the mean, does not (Smucker, Allan and Carterette, CIKM 2007). So this module has the first two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

__all__ = ["Comparison", "bootstrap_interval", "compare", "holm"]

Values = npt.NDArray[np.float64]

_BLOCK_VALUES = 8_000_000
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Comparison:
    """The mean of a minus b over the same users."""

    difference: float
    low: float
    high: float
    """Ends of the 95 % paired bootstrap interval of the difference."""
    p_value: float
    """p-value of the two-sided paired t-test; 1 if every user's difference is 0, or with fewer than two users."""


def bootstrap_interval(values: Values, *, resamples: int = 2_000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``values`` (shape (users,)), users drawn with replacement.

    NaN twice if there are no values.
    """
    rng = np.random.default_rng(seed)
    count = len(values)
    if not count:
        return float("nan"), float("nan")
    means = np.empty(resamples)
    block = max(1, _BLOCK_VALUES // count)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        means[start : start + size] = values[rng.integers(0, count, (size, count))].mean(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def compare(a: Values, b: Values) -> Comparison:
    """Compare two models by one metric's values on the same users in the same order, shapes (users,)."""
    difference = a - b
    low, high = bootstrap_interval(difference)
    return Comparison(float(difference.mean()), low, high, _paired_t(difference))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values with Holm's correction for multiple tests, in the given order."""
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted.tolist()


def _paired_t(difference: Values) -> float:
    """Two-sided p of the t-test that the mean is 0; 1 for a single user, who has no variance to test against.

    Not scipy.stats, which takes seconds to import.
    """
    count = len(difference)
    if count < 2:
        return 1.0
    error = float(difference.std(ddof=1)) / np.sqrt(count)
    if error == 0.0:
        return float(difference[0] == 0)
    return float(2.0 * stdtr(count - 1, -abs(float(difference.mean())) / error))
