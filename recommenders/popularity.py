"""Recommends the most watched contents, the same to everyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from graph.snapshot import Snapshot
from graph.snapshot.ages import fading
from recommenders.core.baseline import Baseline, Learned, Share
from recommenders.core.interactions import engagement
from recommenders.core.one_user import FixedScores, OneUser
from recommenders.core.options import FitOptions
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints

__all__ = ["Popularity"]


@dataclass
class Popularity(Baseline):
    """Every content's number of watchers, or its summed engagement where that varies.

    With ``half_life`` older watches count less.
    """

    half_life: Share = 0.0
    """Days after which a watch counts half; 0 for never."""

    name: ClassVar[str] = "popularity"
    has_one_user: ClassVar[bool] = True
    need_times: ClassVar[frozenset[str]] = frozenset({"half_life"})
    space: ClassVar[Mapping[str, Sequence[Any]]] = {"half_life": (0.0, 7.0, 30.0, 90.0, 365.0)}

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        watched = snapshot.watched
        weights = np.asarray(engagement(snapshot), dtype=np.float64) * fading(snapshot, self.half_life)
        counts = np.bincount(watched.target, weights=weights, minlength=watched.width)
        return {"popularity": counts.astype(np.float32)}

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The scores that everyone gets; None if nothing is known about the newcomer."""
        known = len(watched) or len(follows) or len(followers)
        return np.array(self._dense("popularity")) if known else None

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        return self._for_all

    @cached_property
    def _for_all(self) -> FixedScores:
        return FixedScores(np.asarray(self._dense("popularity"), dtype=np.float32))

    def scores(self, users: Ints) -> Floats:
        return np.tile(self._dense("popularity"), (len(users), 1))
