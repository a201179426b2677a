"""Recommends contents with attributes like those of the watched ones; works for contents without watches too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from graph import schema
from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Learned, Share
from recommenders.core.interactions import counts
from recommenders.core.nearest import nearest, sparse_unit
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["ContentSimilarity", "attributes", "traits"]


def traits(snapshot: Snapshot) -> dict[str, sp.csr_array]:
    """Trait → contents × genres, moods, hashtags, beats or makers: 1 if the content has it. float32.

    A beat counts as its own beat, so that it shares a trait with the keaks that use it.
    """
    uses = snapshot.adjacency(schema.USES)
    used = np.zeros(snapshot.contents.count, dtype=np.float32)
    used[uses.indices] = 1.0
    found = {
        "genre": snapshot.adjacency(schema.HAS_GENRE),
        "mood": snapshot.adjacency(schema.HAS_MOOD),
        "hashtag": snapshot.adjacency(schema.TAGGED),
        "beat": sp.csr_array(uses + sp.diags_array(used)),
        "maker": sp.csr_array(snapshot.adjacency(schema.MADE).T),
    }
    for name, had in found.items():
        found[name] = had.copy()  # the arrays of a snapshot on disk are read only
        found[name].sum_duplicates()
        found[name].eliminate_zeros()
        found[name].data[:] = 1.0
    return found


def attributes(snapshot: Snapshot) -> sp.csr_array:
    """Contents × all `traits`, weighted by rarity, as unit rows. float32."""
    found = sp.csr_array(sp.hstack(list(traits(snapshot).values())))
    carriers = np.bincount(found.indices, minlength=found.shape[1])
    rarity = np.log1p(found.shape[0] / np.maximum(carriers, 1)).astype(np.float32)
    return sparse_unit(sp.csr_array(found @ sp.diags_array(rarity)))


@dataclass
class ContentSimilarity(Baseline):
    """Cosine between a content's attributes and the mean attributes of what a user watched and states to like."""

    stated: Share = 0.5
    """Weight of a genre that a user states, compared with a watched content."""

    name: ClassVar[str] = "content-similarity"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {"stated": (0.0, 0.5, 2.0)}

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        described = attributes(snapshot)
        genres = snapshot.adjacency(schema.LISTENS_TO) + snapshot.adjacency(schema.CREATES_IN)
        rest = described.shape[1] - genres.shape[1]
        stated = sp.hstack([genres, sp.csr_array((genres.shape[0], rest), dtype=np.float32)])
        profiles = self.watched @ described + self.stated * stated
        return {"attributes": described, "profiles": sparse_unit(sp.csr_array(profiles, dtype=np.float32))}

    def known_users(self, users: Ints) -> Mask:
        """Users who watched or state anything with attributes."""
        return np.asarray(counts(self._sparse("profiles"), users) > 0)

    def scores(self, users: Ints) -> Floats:
        found = self._sparse("profiles")[users] @ self._sparse("attributes").T
        return np.asarray(found.toarray(), dtype=np.float32)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return nearest(self._sparse("attributes"), items, k)
