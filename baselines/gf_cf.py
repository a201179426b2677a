"""GF-CF: collaborative filtering as a fixed low-pass filter on the graph of watches (Shen et al., CIKM 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from baselines.baseline import Baseline, Learned
from baselines.recommender import Floats, Ints, Progress
from graph.snapshot import Snapshot

__all__ = ["GfCf", "right_singular_vectors"]


@dataclass
class GfCf(Baseline):
    """Two filters added up: a step of normalised propagation, and the ideal low-pass of the first singular vectors."""

    factors: int = 128
    """Singular vectors that pass the ideal filter."""
    weight: float = 0.3
    """Of the ideal filter beside the propagation."""
    user_power: float = 0.5
    """Watches are divided by the user's number of them to this power."""
    content_power: float = 0.5
    """And by the content's."""

    name: ClassVar[str] = "gf-cf"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "factors": (32, 64, 128, 256),
        "weight": (0.0, 0.1, 0.3, 1.0, 3.0),
        "content_power": (0.3, 0.5, 0.7),
    }
    late: ClassVar[frozenset[str]] = frozenset({"weight"})

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        by_user = np.maximum(np.asarray(self.watched.sum(axis=1), dtype=np.float32), 1.0) ** -self.user_power
        by_content = np.maximum(np.asarray(self.watched.sum(axis=0), dtype=np.float32), 1.0) ** -self.content_power
        normal = sp.csr_array(sp.diags_array(by_user) @ self.watched @ sp.diags_array(by_content))
        vectors = right_singular_vectors(normal, self.factors)
        return {"normal": normal.astype(np.float32), "by_content": by_content, "vectors": vectors}

    def scores(self, users: Ints) -> Floats:
        normal, by_content = self._sparse("normal"), self._dense("by_content")
        watched = self.watched[users]
        scaled = sp.csr_array(watched * by_content)
        linear = (scaled @ normal.T).toarray() @ normal  # dense in the middle: nearly everyone shares something
        passed = (scaled @ self._dense("vectors")) @ self._dense("vectors").T
        found = linear + np.float32(self.weight) * passed
        return np.asarray(found / by_content, dtype=np.float32)


def right_singular_vectors(matrix: sp.csr_array, count: int, rounds: int = 5, seed: int = 0) -> Floats:
    """The first ``count`` right singular vectors, shape (columns, count), by randomised subspace iteration.

    (Halko, Martinsson and Tropp, SIAM Review 2011.) Fewer come back when the matrix has fewer.
    """
    wanted = min(count + 16, *matrix.shape)
    start = np.random.default_rng(seed).standard_normal((matrix.shape[1], wanted)).astype(np.float32)
    basis = start
    for _ in range(rounds):
        basis = np.linalg.qr(matrix.T @ (matrix @ basis))[0]
    projected = matrix @ basis
    _, _, rotation = np.linalg.svd(projected.T @ projected)
    vectors: Floats = (basis @ rotation.T[:, :count]).astype(np.float32)
    return vectors
