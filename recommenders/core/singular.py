"""Leading singular vectors of a large sparse matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recommenders.core.config import CORE
from recommenders.core.top_k import Floats

__all__ = ["right_singular_vectors"]


def right_singular_vectors(matrix: sp.csr_array, count: int, rounds: int = CORE.svd_rounds, seed: int = 0) -> Floats:
    """The first ``count`` right singular vectors, shape (columns, count), by randomised subspace iteration.

    (Halko, Martinsson and Tropp, SIAM Review 2011.) Fewer come back when the matrix has fewer.
    """
    wanted = min(count + CORE.svd_beside, *matrix.shape)
    start = np.random.default_rng(seed).standard_normal((matrix.shape[1], wanted)).astype(np.float32)
    basis = start
    for _ in range(rounds):
        basis = np.linalg.qr(matrix.T @ (matrix @ basis))[0]
    projected = matrix @ basis
    _, _, rotation = np.linalg.svd(projected.T @ projected)
    vectors: Floats = (basis @ rotation.T[:, :count]).astype(np.float32)
    return vectors
