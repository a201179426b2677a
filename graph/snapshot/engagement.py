"""Engagement, the label of all models and metrics, computed from the properties of a watch.

The weights are settings: `graph.settings.Engagement`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from graph.settings import Engagement

__all__ = ["UNKNOWN", "engagement"]

UNKNOWN: Final = 0.5
"""Engagement of a watch without any property, in a graph in which other watches have some. By hand."""


def engagement(watches: pl.DataFrame, weights: Engagement, *, implicit: bool) -> pl.Series:
    """The weighted sum of progress (0..1), commented, shared and liked; float32 in 0..1, shape (rows,).

    A missing part counts as 0; ``UNKNOWN`` if all are missing. ``implicit``: 1.0 everywhere.
    """
    if implicit:
        return pl.Series("engagement", np.ones(watches.height, dtype=np.float32))
    parts = weights.model_dump()
    total = pl.sum_horizontal(pl.col(name).cast(pl.Float64).fill_null(0.0) * weight for name, weight in parts.items())
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in parts)
    value = pl.when(nothing).then(UNKNOWN).otherwise(total.clip(0.0, 1.0)).cast(pl.Float32)
    return watches.select(value.alias("engagement")).to_series()
