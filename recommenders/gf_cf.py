"""GF-CF: collaborative filtering as a fixed low-pass filter on the graph of watches (Shen et al., CIKM 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import scipy.sparse as sp

from graph.snapshot import Snapshot
from recommenders.core.baseline import Count, KnowsFriends, Learned, Share
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import counts, with_friends
from recommenders.core.options import FitOptions
from recommenders.core.singular import right_singular_vectors
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["GfCf"]

_BLOCK_VALUES: Final = 16_000_000
"""Values of the product with all users that are in memory at once: 64 MB of float32."""


@dataclass
class GfCf(KnowsFriends):
    """The sum of two filters: a step of normalised propagation, and the ideal low-pass of the first singular vectors.

    With R̃ = D_U^-½ R D_I^-½ and its first right singular vectors Ū the scores are R (R̃ᵀR̃ + α D_I^-½ Ū Ūᵀ D_I^½)
    (equations 8 and 9 of the paper): the degrees wrap the ideal filter alone.
    """

    factors: Count = 128
    """Singular vectors that pass the ideal filter."""
    weight: Share = 0.3
    """α: weight of the ideal filter, compared with the propagation. As in the paper."""
    user_power: Share = 0.5
    """Watches are divided by the user's number of watches to this power. As in the paper."""
    content_power: Share = 0.5
    """Watches are also divided by the content's number of watches to this power. As in the paper."""

    name: ClassVar[str] = "gf-cf"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "factors": (32, 64, 128, 256),
        "weight": (0.0, 0.1, 0.3, 1.0, 3.0),
        "content_power": (0.3, 0.5, 0.7),
        "friends": (1.0, 0.0, 0.3, 3.0),
    }
    late: ClassVar[frozenset[str]] = frozenset({"weight"})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        weight = self._weight_of_friends
        common = with_friends(snapshot, self.watched, weight)
        by_user = np.maximum(np.asarray(common.sum(axis=1), dtype=np.float32), 1.0) ** -self.user_power
        # Groups of friends without watches would otherwise use up the singular vectors.
        by_user[np.diff(self.watched.indptr) == 0] = 0.0
        by_column = np.maximum(np.asarray(common.sum(axis=0), dtype=np.float32), 1.0) ** -self.content_power
        normal = sp.csr_array(sp.diags_array(by_user) @ common @ sp.diags_array(by_column))
        vectors = right_singular_vectors(normal, self.factors, seed=options.seed)
        return {
            "normal": normal.astype(np.float32),
            "by_column": by_column,
            "vectors": vectors,
            "friends": np.array(weight, dtype=np.float32),
        }

    def _cost(self, snapshot: Snapshot) -> float:
        rows = snapshot.users.count + snapshot.contents.count
        links = len(snapshot.watched) + len(snapshot.follows)
        judging = COSTS.gf_cf_judging * min(CORE.search_users, snapshot.users.count) * len(snapshot.watched)
        return self.factors * (COSTS.gf_cf_link * links + COSTS.gf_cf_row * rows * self.factors) + judging

    def known_users(self, users: Ints) -> Mask:
        """Users who watched something; if friends are learned, also users with friends."""
        return np.asarray(counts(self._common, users) > 0)

    @cached_property
    def _common(self) -> sp.csr_array:
        return with_friends(self.snapshot, self.watched, float(self._dense("friends")))

    def scores(self, users: Ints) -> Floats:
        return self._filtered(sp.csr_array(self._common[users]))

    def moved_scores(self, today: Today) -> Floats | None:
        change, width = today.change, self._common.shape[1]
        further = sp.csr_array((change.data, change.indices, change.indptr), shape=(1, width))
        return np.asarray(self._filtered(sp.csr_array(self._common[[today.user]] + further))[0])

    def _filtered(self, rows: sp.csr_array) -> Floats:
        """Scores (n, contents) of users with these ``rows`` of watches and friends, both filters added up."""
        normal, vectors, by_column = self._sparse("normal"), self._dense("vectors"), self._dense("by_column")
        contents = self.watched.shape[1]
        # The product of rows and users is dense, since nearly every pair of users has something in common. So it is
        # made of few rows at a time.
        block = max(1, _BLOCK_VALUES // normal.shape[0])
        starts = range(0, max(rows.shape[0], 1), block)
        parts = [(rows[start : start + block] @ normal.T).toarray() @ self._to_contents for start in starts]
        linear = np.concatenate(parts)
        ideal = (sp.csr_array(rows * by_column) @ vectors) @ vectors[:contents].T / by_column[:contents]
        return np.asarray(linear + np.float32(self.weight) * ideal, dtype=np.float32)

    @cached_property
    def _to_contents(self) -> sp.csr_array:
        return sp.csr_array(self._sparse("normal")[:, : self.watched.shape[1]])
