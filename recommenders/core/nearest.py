"""The rows of a matrix with the highest cosine to given rows, and rows of length one, whose products are cosines."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recommenders.core.top_k import Floats, Ints, top_k

__all__ = ["nearest", "others", "sparse_unit", "unit"]

Real = TypeVar("Real", bound=np.floating[Any])


def nearest(vectors: sp.csr_array | Floats, items: Ints | int, k: int) -> tuple[Ints, Floats]:
    """The ``k`` rows with the highest cosine to each row in ``items``, without the row itself, as `others` gives them.

    Rows with a cosine of 0 have nothing in common.
    """
    batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
    if isinstance(vectors, np.ndarray):
        norms = np.linalg.norm(vectors, axis=1)
        products = vectors[batch] @ vectors.T
    else:
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float32))
        products = np.asarray((vectors[batch] @ vectors.T).toarray())
    norms = np.maximum(norms, 1e-12)
    return others(np.asarray(products / norms[batch, None] / norms, dtype=np.float32), items, k, nothing=0.0)


def others(scores: Floats, items: Ints | int, k: int, *, nothing: float = -np.inf) -> tuple[Ints, Floats]:
    """The ``k`` highest of each row of ``scores``, one row for each of ``items``, without the item itself.

    Shapes (n, k), or (k,) for a single item; -1 and -inf where there are fewer, and for each of the ``k`` whose score
    is ``nothing``: it has nothing in common with the item. Writes into ``scores``.
    """
    batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
    scores[np.arange(len(batch)), batch] = -np.inf
    ids, best = top_k(scores, k)
    apart = best == nothing
    ids[apart], best[apart] = -1, -np.inf
    return (ids[0], best[0]) if np.ndim(items) == 0 else (ids, best)


def unit(rows: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Rows scaled to length one; rows of zeros stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=rows.dtype)


def sparse_unit(rows: sp.csr_array) -> sp.csr_array:
    """`unit` of a sparse matrix, whose empty rows stay empty."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sp.csr_array(sp.diags_array(1.0 / np.where(lengths > 0, lengths, 1.0)) @ rows)
