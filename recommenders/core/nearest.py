"""The rows of a matrix with the highest cosine to given rows."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recommenders.core.top_k import Floats, Ints, top_k

__all__ = ["nearest", "others"]


def nearest(vectors: sp.csr_array | Floats, items: Ints | int, k: int) -> tuple[Ints, Floats]:
    """The ``k`` rows with the highest cosine to each row in ``items``, without the row itself; shapes as `top_k`."""
    batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
    if isinstance(vectors, np.ndarray):
        norms = np.linalg.norm(vectors, axis=1)
        products = vectors[batch] @ vectors.T
    else:
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float32))
        products = np.asarray((vectors[batch] @ vectors.T).toarray())
    norms = np.maximum(norms, 1e-12)
    return others(np.asarray(products / norms[batch, None] / norms, dtype=np.float32), items, k)


def others(scores: Floats, items: Ints | int, k: int) -> tuple[Ints, Floats]:
    """The ``k`` highest of each row of ``scores``, one row for each of ``items``, without the item itself.

    Shapes (n, k), or (k,) for a single item; -1 and -inf where there are fewer. Writes into ``scores``.
    """
    batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
    scores[np.arange(len(batch)), batch] = -np.inf
    ids = np.full((len(batch), k), -1, dtype=np.int64)
    best = np.full((len(batch), k), -np.inf, dtype=np.float32)
    found, values = top_k(scores, k)
    ids[:, : found.shape[1]], best[:, : found.shape[1]] = found, values
    return (ids[0], best[0]) if np.ndim(items) == 0 else (ids, best)
