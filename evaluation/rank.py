"""The lists of a recommender that are judged."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommenders.core.holdout import Holdout
from recommenders.core.options import Progress, silent
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Ints

__all__ = ["rank"]

_USERS: Final = 512


def rank(model: Recommender, split: Holdout, k: int, *, seed: int = 0, progress: Progress = silent) -> Ints:
    """The ``k`` best contents of each user of ``split``, best first, shape (users, k), -1 where there are no more.

    The lists are those of `Recommender.recommend`: training contents are left out, and users whom the model does not
    know get popular contents. All contents are ranked, because sampled negatives can reverse the order of models
    (Krichene and Rendle, KDD 2020). Equal scores get a random order, drawn anew for each user, so that every metric has
    the expected value over all orders of tied contents. ``seed`` fixes the order.
    """
    ties = np.random.default_rng(seed)
    ids = np.empty((len(split.users), k), dtype=np.int64)
    for start in range(0, len(split.users), _USERS):
        users = split.users[start : start + _USERS]
        ids[start : start + _USERS], _ = model.recommend(
            users, k, allowed=split.allowed, held_back=split.masked, ties=ties
        )
        progress(min(1.0, (start + _USERS) / len(split.users)), "ranking")
    return ids
