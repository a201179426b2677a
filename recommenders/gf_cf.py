"""GF-CF: collaborative filtering as a fixed low-pass filter on the graph of watches (Shen et al., CIKM 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from graph.snapshot import Snapshot
from recommenders.baseline import KnowsFriends, Learned, with_friends
from recommenders.core.recommender import Floats, Ints, Progress

__all__ = ["GfCf", "right_singular_vectors"]


@dataclass
class GfCf(KnowsFriends):
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
        "friends": (1.0, 0.0, 0.3, 3.0),
    }
    late: ClassVar[frozenset[str]] = frozenset({"weight"})

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        weight = self._weight_of_friends
        common = with_friends(snapshot, self.watched, weight)
        by_user = np.maximum(np.asarray(common.sum(axis=1), dtype=np.float32), 1.0) ** -self.user_power
        # Circles in which nobody watched anything would fill the filter.
        by_user[np.diff(self.watched.indptr) == 0] = 0.0
        by_column = np.maximum(np.asarray(common.sum(axis=0), dtype=np.float32), 1.0) ** -self.content_power
        normal = sp.csr_array(sp.diags_array(by_user) @ common @ sp.diags_array(by_column))
        vectors = right_singular_vectors(normal, self.factors)
        return {
            "normal": normal.astype(np.float32),
            "by_column": by_column,
            "vectors": vectors,
            "friends": np.array(weight, dtype=np.float32),
        }

    @cached_property
    def _common(self) -> sp.csr_array:
        return with_friends(self.snapshot, self.watched, float(self._dense("friends")))

    def scores(self, users: Ints) -> Floats:
        normal, vectors, by_column = self._sparse("normal"), self._dense("vectors"), self._dense("by_column")
        contents = self.watched.shape[1]
        scaled = sp.csr_array(self._common[users] * by_column)
        # dense in the middle: nearly everyone shares something
        linear = (scaled @ normal.T).toarray() @ self._to_contents
        passed = (scaled @ vectors) @ vectors[:contents].T
        found = linear + np.float32(self.weight) * passed
        return np.asarray(found / by_column[:contents], dtype=np.float32)

    @cached_property
    def _to_contents(self) -> sp.csr_array:
        return sp.csr_array(self._sparse("normal")[:, : self.watched.shape[1]])


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
