"""A part held out: what a recommender may learn from, and what it is judged by; and the part that chooses settings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.snapshot import NO_TIME, Snapshot, hindsight
from graph.snapshot.ages import timed
from recommenders.core.interactions import interactions
from recommenders.core.top_k import Ints, Mask

__all__ = ["VALIDATION_SHARE", "Holdout", "drawn", "users_of", "validation"]

VALIDATION_SHARE: Final = 0.15
"""Of the watches, for choosing settings and learning to rank."""


@dataclass(frozen=True)
class Holdout:
    """One way of holding watches out."""

    name: str
    train: Snapshot
    """What ``fit`` gets: the same nodes and nids, fewer edges."""
    held_out: sp.csr_array
    """Users × contents: the engagement of each withheld watch, 1 in implicit mode. float32."""
    users: Ints
    """The users who are judged: those with something held out, ascending."""
    allowed: Mask | None = None
    """Shape (contents,): what may be recommended; None for everything."""
    masked: sp.csr_array | None = None
    """Users × contents that are neither learned from, nor judged, nor recommended."""
    cutoff: int | None = None
    """In milliseconds; everything in ``train`` is older."""
    seed: int = 0
    """What it was drawn with, and what fits and ties are to be drawn with."""

    def sample(self, count: int) -> Holdout:
        """The same, judged on at most ``count`` of its users, drawn at random."""
        if count >= len(self.users):
            return self
        chosen = np.sort(np.random.default_rng(self.seed).choice(self.users, count, replace=False))
        return replace(self, users=chosen)

    def thinned(self, count: int) -> Holdout:
        """Only ``count`` of the graph's users, drawn at random, and the follows among them; all contents stay."""
        train = self.train
        chosen = np.sort(np.random.default_rng(self.seed).choice(train.users.count, count, replace=False))
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
        held_out = sp.csr_array(self.held_out[chosen])
        return Holdout(self.name, fewer, held_out, users_of(held_out), seed=self.seed)


def users_of(held_out: sp.csr_array) -> Ints:
    """The users with something held out, ascending."""
    return np.flatnonzero(np.diff(held_out.indptr)).astype(np.int64)


def validation(snapshot: Snapshot, share: float = VALIDATION_SHARE, seed: int = 0) -> Holdout:
    """Hold out about ``share`` of the watches: the newest, or that share of each user's, one at least from three on.

    The pipeline, the networks and the search for settings all choose by this part. It is cut in time where most watches
    have one and a cut divides them well. A watch then stands where it ended: one that began before the cut and ended
    after it would bring the future into the training part (left there, it cost a point of NDCG@10 on the demonstration
    network). A held-out pair that the training part holds as well is not asked for. Watches without a time stay. What
    the export counted over both parts, and follows made since, are taken away (`graph.snapshot.hindsight`).
    """
    watched, past = snapshot.watched, snapshot
    cutoff = _cutoff(snapshot, share)
    if cutoff is None:
        held = _random(np.asarray(watched.indptr), share, seed)
    else:
        held = np.asarray(watched.columns["lastAt"]) >= cutoff
        past = hindsight.social_until(snapshot, cutoff)
    kept = sp.csr_array(interactions(snapshot.with_edges(watched.keep(~held))))
    held_out = interactions(snapshot.with_edges(watched.keep(held)))
    held_out = sp.csr_array(held_out - held_out.multiply(kept.astype(bool)))
    if snapshot.mode == "implicit":
        held_out.data[:] = np.sign(held_out.data)
    held_out.eliminate_zeros()
    name = f"validation {share:g}" + (" in time" if cutoff is not None else "")
    train = hindsight.emptied(past.with_edges(watched.keep(~held)))
    return Holdout(name, train, held_out, users_of(held_out), cutoff=cutoff, seed=seed)


def _cutoff(snapshot: Snapshot, share: float) -> int | None:
    """The time since which ``share`` of the watches happened; None where too few have one, or too many the same."""
    if not timed(snapshot):
        return None
    last = np.asarray(snapshot.watched.columns["lastAt"])
    known = np.sort(last[last != NO_TIME])
    cutoff = int(known[min(len(known) - 1, math.ceil((1.0 - share) * len(known)))])
    return cutoff if np.mean(last >= cutoff) <= 2 * share else None


def _random(indptr: Ints, share: float, seed: int) -> Mask:
    rng = np.random.default_rng(seed)
    degrees = np.diff(indptr)
    quota = np.floor(share * degrees + rng.random(len(degrees))).astype(np.int64)  # rounded at random: right on average
    quota = np.where(degrees < 3, 0, np.clip(quota, 1, degrees // 2))
    return drawn(indptr, quota, rng)


def drawn(indptr: Ints, quota: Ints, rng: np.random.Generator) -> Mask:
    """Shape (watches,): ``quota[i]`` of the watches ``indptr[i]:indptr[i + 1]`` of each user, drawn at random."""
    degrees = np.diff(indptr)
    key = rng.random(int(indptr[-1]))
    shuffled = np.lexsort((key, np.repeat(np.arange(len(degrees)), degrees)))  # still grouped by user
    place = np.arange(int(indptr[-1])) - np.repeat(indptr[:-1], degrees)
    held = np.zeros(int(indptr[-1]), dtype=bool)
    held[shuffled[place < np.repeat(quota, degrees)]] = True
    return held
