"""The validation part that `Hybrid` cuts from its own training data: by time where there are times, else at random."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.snapshot import NO_TIME, Snapshot, hindsight
from graph.snapshot.ages import timed
from recommenders.baseline import interactions
from recommenders.core.recommender import Ints

__all__ = ["Holdout", "cut"]


@dataclass(frozen=True)
class Holdout:
    """A training part, and what its users watched besides."""

    train: Snapshot
    worth: sp.csr_array
    """Users × contents held out: 1, or the engagement where that varies. float32."""

    @property
    def users(self) -> Ints:
        """Those with something held out, ascending."""
        return np.flatnonzero(np.diff(self.worth.indptr)).astype(np.int64)

    def thinned(self, count: int, seed: int = 0) -> Holdout:
        """Only ``count`` of the users, drawn at random, and the follows among them; all contents stay."""
        train = self.train
        chosen = np.sort(np.random.default_rng(seed).choice(train.users.count, count, replace=False))
        number = np.full(train.users.count, -1, dtype=np.int32)
        number[chosen] = np.arange(count, dtype=np.int32)
        watched, follows = train.watched, train.follows
        near = (number[follows.source] >= 0) & (number[follows.target] >= 0)
        kept = number[watched.source] >= 0
        columns = {
            name: np.asarray(watched.columns[name])[kept]
            for name in ("engagement", "lastAt")
            if name in watched.columns
        }
        fewer = Snapshot.build(
            {schema.USER: train.users.frame[chosen], schema.CONTENT: train.contents.frame},
            {
                schema.WATCHED: pl.DataFrame(
                    {"source": number[watched.source[kept]], "target": watched.target[kept], **columns}
                ),
                schema.FOLLOWS: pl.DataFrame(
                    {"source": number[follows.source[near]], "target": number[follows.target[near]]}
                ),
            },
        )
        return Holdout(fewer, sp.csr_array(self.worth[chosen]))


def cut(snapshot: Snapshot, share: float = 0.15, seed: int = 0) -> Holdout:
    """Hold out about ``share`` of the watches: the newest, or that share of each user's, one at least from three on.

    Cut in time, a watch is where it ended: one that began before the cut and ended after it would bring the future into
    the training part (left there, it cost a point of NDCG@10 on the demonstration network). What repeats a pair of the
    training part is not asked for. What has no time stays; what only hindsight knows goes
    (`graph.snapshot.hindsight`).
    """
    watched, past = snapshot.watched, snapshot
    cutoff = _cutoff(snapshot, share)
    if cutoff is None:
        held = _random(np.asarray(watched.indptr), share, seed)
    else:
        held = np.asarray(watched.columns["lastAt"]) >= cutoff
        past = hindsight.social_until(snapshot, cutoff)
    kept = sp.csr_array(interactions(snapshot.with_edges(watched.keep(~held))))
    worth = interactions(snapshot.with_edges(watched.keep(held)))
    worth = sp.csr_array(worth - worth.multiply(kept.astype(bool)))
    if snapshot.mode == "implicit":
        worth.data[:] = np.sign(worth.data)
    worth.eliminate_zeros()
    return Holdout(hindsight.emptied(past.with_edges(watched.keep(~held))), worth)


def _cutoff(snapshot: Snapshot, share: float) -> int | None:
    """The time since which ``share`` of the watches happened; None where too few have one, or too many the same."""
    if not timed(snapshot):
        return None
    last = np.asarray(snapshot.watched.columns["lastAt"])
    known = np.sort(last[last != NO_TIME])
    cutoff = int(known[min(len(known) - 1, math.ceil((1.0 - share) * len(known)))])
    return cutoff if np.mean(last >= cutoff) <= 2 * share else None


def _random(indptr: Ints, share: float, seed: int) -> npt.NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    degrees = np.diff(indptr)
    quota = np.floor(share * degrees + rng.random(len(degrees))).astype(np.int64)  # rounded at random: right on average
    quota = np.where(degrees < 3, 0, np.clip(quota, 1, degrees // 2))
    order = np.lexsort((rng.random(int(indptr[-1])), np.repeat(np.arange(len(degrees)), degrees)))
    place = np.arange(int(indptr[-1])) - np.repeat(indptr[:-1], degrees)
    held = np.zeros(int(indptr[-1]), dtype=bool)
    held[order[place < np.repeat(quota, degrees)]] = True
    return held
