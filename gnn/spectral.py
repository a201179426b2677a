"""Start of the id embeddings: along the leading singular directions of the watches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gnn.recipe import RECIPE
from recommenders.core.singular import right_singular_vectors

__all__ = ["leading_directions"]

Floats = npt.NDArray[np.float32]


def leading_directions(weights: sp.csr_array, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """The leading ``count`` singular directions of users × contents, or fewer if there are fewer.

    ``weights`` holds positive values. Each is divided by √(row sum + mean row sum) · √(column sum + mean column sum):
    the normalisation of symmetric propagation with the means added, so that a small component of the graph does not
    get a direction of its own (regularised spectral clustering: Qin and Rohe 2013). Gives (users, r) and (contents, r):
    singular vectors times the roots of the singular values, so that products of rows approximate the matrix. Rows
    without weight, or without a component along these directions, are zero; no row is longer than
    `Recipe.spectral_longest` times the mean.
    """
    scales = []
    for axis in (1, 0):
        sums = np.asarray(weights.sum(axis=axis), dtype=np.float32).ravel()
        scales.append(1.0 / np.sqrt(sums + max(float(sums[sums > 0].mean()) if sums.any() else 0.0, 1e-9)))
    matrix = sp.csr_array(sp.diags_array(scales[0]) @ weights @ sp.diags_array(scales[1]))
    contents = right_singular_vectors(matrix, count, RECIPE.spectral_rounds, seed)
    users = np.asarray(matrix @ contents)
    values = np.linalg.norm(users, axis=0)
    kept = values > RECIPE.spectral_shortest * values.max(initial=0.0)
    roots = np.sqrt(values[kept])
    return _evened(users[:, kept] / roots), _evened(contents[:, kept] * roots)


def _evened(rows: npt.NDArray[Any]) -> Floats:
    """The rows with short ones set to zero and long ones cut to `Recipe.spectral_longest` times the mean length."""
    norms = np.linalg.norm(rows, axis=1)
    mean = float(norms[norms > 0].mean()) if norms.any() else 0.0
    known = norms > RECIPE.spectral_shortest * mean
    mean = float(norms[known].mean()) if known.any() else 0.0
    factors = np.where(known, np.minimum(1.0, RECIPE.spectral_longest * mean / np.maximum(norms, 1e-30)), 0.0)
    return np.asarray(rows * factors[:, None], dtype=np.float32)
