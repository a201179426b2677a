"""Ask a recommender for its best contents, with ties broken without favour."""

from __future__ import annotations

import numpy as np

from evaluation.splits import Split
from recommenders.core.recommender import Ints, Progress, Recommender, top_k

__all__ = ["rank"]

_BLOCK_VALUES = 8_000_000
"""Scores held at once: 32 MB of float32, and as much again shuffled, and their order."""


def rank(model: Recommender, split: Split, k: int, *, seed: int = 0, progress: Progress | None = None) -> Ints:
    """The ``k`` best contents of each user of ``split``, best first, shape (users, k), -1 where there are no more.

    Contents of the training part are left out, and everything else is ranked: sampling negatives reorders models
    (Krichene and Rendle, KDD 2020).

    Equal scores are put in an order drawn anew for each user: a fixed one would favour whatever the files
    list first, which is often what is popular, and a worst-case one would punish models with few distinct scores. The
    expected value of every metric is then that over all orders of the tied contents. Reproducible by ``seed``.
    """
    rng = np.random.default_rng(seed)
    watched = split.train.watched
    width = split.train.contents.count
    ids = np.full((len(split.users), k), -1, dtype=np.int64)
    block = max(1, _BLOCK_VALUES // max(1, width))
    for start in range(0, len(split.users), block):
        users = split.users[start : start + block]
        scores = np.array(model.scores(users), dtype=np.float32)
        scores[np.isnan(scores)] = -np.inf
        for row, user in enumerate(users):
            scores[row, watched.target[watched.indptr[user] : watched.indptr[user + 1]]] = -np.inf
        if split.masked is not None:
            rows, columns = split.masked[users].nonzero()
            scores[rows, columns] = -np.inf
        if split.allowed is not None:
            scores[:, ~split.allowed] = -np.inf
        order = rng.permuted(np.tile(np.arange(width, dtype=np.int32), (len(users), 1)), axis=1)
        found, _ = top_k(np.take_along_axis(scores, order, axis=1), k)
        best = np.take_along_axis(order, np.maximum(found, 0), axis=1)
        ids[start : start + block, : found.shape[1]] = np.where(found >= 0, best, -1)
        if progress is not None:
            progress(min(1.0, (start + block) / len(split.users)), "ranking")
    return ids
