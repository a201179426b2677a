"""How unequally something is spread: the Gini coefficient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["gini"]


def gini(counts: npt.NDArray[Any]) -> float:
    """Gini coefficient of counts (n,): 0 if all are equal, near 1 if few have everything; 0 if all are 0."""
    ordered = np.sort(counts).astype(np.float64)
    if not ordered.sum():
        return 0.0
    places = np.arange(1, len(ordered) + 1)
    return float(2 * (places @ ordered) / (len(ordered) * ordered.sum()) - (len(ordered) + 1) / len(ordered))
