"""Contents like those one watched, by what they are and not by who watched them: works for new contents too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from baselines.baseline import Baseline, Learned, nearest
from baselines.recommender import Floats, Ints, Progress
from graph import schema
from graph.snapshot import Snapshot

__all__ = ["ContentSimilarity", "attributes"]


def attributes(snapshot: Snapshot) -> sp.csr_array:
    """Contents × (genres, moods, hashtags, beats, makers), rare ones weighing more, rows of length one. float32.

    A beat shares its own column with the keaks that use it.
    """
    width = snapshot.contents.count
    blocks = [_matrix(snapshot, name) for name in (schema.HAS_GENRE, schema.HAS_MOOD, schema.TAGGED)]
    uses = _matrix(snapshot, schema.USES)
    used = np.zeros(width, dtype=np.float32)
    used[uses.indices] = 1.0
    blocks += [sp.csr_array(uses + sp.diags_array(used)), sp.csr_array(_matrix(snapshot, schema.MADE).T)]
    found = sp.csr_array(sp.hstack(blocks)).astype(np.float32)
    found.eliminate_zeros()
    carriers = np.bincount(found.indices, minlength=found.shape[1])
    rarity = np.log1p(width / np.maximum(carriers, 1)).astype(np.float32)
    return _unit(sp.csr_array(found @ sp.diags_array(rarity)))


@dataclass
class ContentSimilarity(Baseline):
    """Cosine between a content's attributes and the mean of those one watched, made, or says one listens to."""

    stated: float = 0.5
    """What a genre that a user states counts, beside a content that they watched."""

    name: ClassVar[str] = "content-similarity"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {"stated": (0.0, 0.5, 2.0)}

    def _learn(self, snapshot: Snapshot, progress: Progress) -> dict[str, Learned]:
        described = attributes(snapshot)
        genres = _matrix(snapshot, schema.LISTENS_TO) + _matrix(snapshot, schema.CREATES_IN)
        rest = described.shape[1] - genres.shape[1]
        stated = sp.hstack([genres, sp.csr_array((genres.shape[0], rest), dtype=np.float32)])
        profiles = self.watched @ described + self.stated * stated
        return {"attributes": described, "profiles": _unit(sp.csr_array(profiles, dtype=np.float32))}

    def scores(self, users: Ints) -> Floats:
        found = self._sparse("profiles")[users] @ self._sparse("attributes").T
        return np.asarray(found.toarray(), dtype=np.float32)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return nearest(self._sparse("attributes"), items, k)


def _matrix(snapshot: Snapshot, type_: str) -> sp.csr_array:
    """Source × target nodes of a relationship type, 1 for an edge."""
    edges = snapshot.edges[type_]
    shape = (len(edges.indptr) - 1, edges.width)
    matrix = sp.csr_array((np.ones(len(edges), dtype=np.float32), edges.target, edges.indptr), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _unit(matrix: sp.csr_array) -> sp.csr_array:
    """Rows scaled to length one; empty ones stay empty."""
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float32)).ravel()
    scale = 1.0 / np.where(norms > 0, norms, 1.0)
    return sp.csr_array(sp.diags_array(scale) @ matrix, dtype=np.float32)
