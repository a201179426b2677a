"""`Holdout`, a training part with a held-out part, and `validation`, the hold-out that chooses settings and epochs.

`cut_in_order` says which rows train, choose and judge where each row is judged by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.snapshot import NO_TIME, Snapshot, hindsight
from graph.snapshot.ages import timed
from recommenders.core.config import CORE
from recommenders.core.interactions import interactions, once
from recommenders.core.top_k import Ints, Mask

__all__ = ["Holdout", "cut_in_order", "drawn", "to_judge", "users_of", "validation"]


@dataclass(frozen=True)
class Holdout:
    """A snapshot divided into a training part and a held-out part."""

    name: str
    train: Snapshot
    """The training part: the same nodes and nids, fewer edges."""
    held_out: sp.csr_array
    """Users × contents: the engagement of each held-out watch, 1 in implicit mode. float32."""
    users: Ints
    """The judged users, ascending: those with held-out watches."""
    allowed: Mask | None = None
    """Mask (contents,) of the contents that may be recommended; None for all."""
    masked: sp.csr_array | None = None
    """Users × contents: pairs that are neither learned from, nor judged, nor recommended."""
    cutoff: int | None = None
    """Cut-off in milliseconds, if the split is in time; everything in ``train`` is older."""
    seed: int = 0
    """Seed of the split, to be used for fits and for the order of ties as well."""

    def sample(self, count: int) -> Holdout:
        """The same hold-out with at most ``count`` judged users, drawn at random."""
        if count >= len(self.users):
            return self
        chosen = np.sort(np.random.default_rng(self.seed).choice(self.users, count, replace=False))
        return replace(self, users=chosen)

    def thinned(self, count: int) -> Holdout:
        """The hold-out of a smaller graph: ``count`` random users with watches, the follows among them, all contents.

        All users with watches where they are not more.
        """
        train = self.train
        active = np.flatnonzero(np.diff(train.watched.indptr))
        count = min(count, len(active))
        chosen = np.sort(np.random.default_rng(self.seed).choice(active, count, replace=False))
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


def cut_in_order(rows: int, ends: tuple[float, float] = (0.8, 0.9)) -> tuple[slice, slice, slice]:
    """Places of the training, the validation and the held-out part among so many rows, the oldest first.

    ``ends`` are the shares of the rows at which the first two parts end.
    """
    first, second = (int(end * rows) for end in ends)
    return slice(0, first), slice(first, second), slice(second, rows)


def users_of(held_out: sp.csr_array) -> Ints:
    """The users with held-out watches, ascending."""
    return np.flatnonzero(np.diff(held_out.indptr)).astype(np.int64)


def validation(snapshot: Snapshot, share: float = CORE.validation_share, seed: int = 0) -> Holdout:
    """The validation part, about ``share`` of the watches; pipeline, networks and search all use it.

    If more than half of the watches have times, and no more than `CoreConfig.validation_excess` times the share would
    be held out, the newest watches are held out, by the time of their last watch: a pair that was watched before and
    after the cut-off is held out as a whole (left in the training part, such pairs cost a point of NDCG@10 on the
    demonstration). Otherwise a random share of each user's watches is held out, at least one of a user with
    `CoreConfig.validation_watches` or more. A pair that is in the training part too is not judged. Watches without a
    time stay in the training part. Counts that the export took over both parts, and follows made after the cut-off,
    are removed (`graph.snapshot.hindsight`).
    """
    watched, past = snapshot.watched, snapshot
    cutoff = _cutoff(snapshot, share)
    if cutoff is None:
        held = _random(np.asarray(watched.indptr), share, seed)
    else:
        held = np.asarray(watched.columns["lastAt"]) >= cutoff
        past = hindsight.social_until(snapshot, cutoff)
    held_out = to_judge(snapshot, ~held, held)
    name = f"validation {share:g}" + (" in time" if cutoff is not None else "")
    train = hindsight.emptied(hindsight.of_watched_pairs(past.with_edges(watched.keep(~held))))
    return Holdout(name, train, held_out, users_of(held_out), cutoff=cutoff, seed=seed)


def to_judge(snapshot: Snapshot, learned: Mask, held: Mask) -> sp.csr_array:
    """Users × contents: engagement of the held-out pairs, or 1 if it does not vary; masks (watches,). float32.

    A pair that is repeated counts once, with its highest engagement; one that is learned from too, or whose engagement
    is 0, is not judged.
    """
    watched = snapshot.watched
    kept = sp.csr_array(interactions(snapshot.with_edges(watched.keep(learned))))
    # By the mode of all watches: in the held-out ones alone engagement may happen not to vary, and would count 1.
    weighted = snapshot.mode == "engagement"
    held_out = once(snapshot.with_edges(watched.keep(held)).interactions(weighted=weighted))
    held_out = sp.csr_array(held_out - held_out.multiply(kept.astype(bool)))
    if not weighted:
        held_out.data[:] = np.sign(held_out.data)
    held_out.eliminate_zeros()
    return held_out


def _cutoff(snapshot: Snapshot, share: float) -> int | None:
    """The time after which ``share`` of the watches happened; None if too few have a time or too many have the same."""
    if not timed(snapshot):
        return None
    last = np.asarray(snapshot.watched.columns["lastAt"])
    known = np.sort(last[last != NO_TIME])
    cutoff = int(known[min(len(known) - 1, math.ceil((1.0 - share) * len(known)))])
    return cutoff if np.mean(last >= cutoff) <= CORE.validation_excess * share else None


def _random(indptr: Ints, share: float, seed: int) -> Mask:
    rng = np.random.default_rng(seed)
    degrees = np.diff(indptr)
    quota = np.floor(share * degrees + rng.random(len(degrees))).astype(np.int64)  # random rounding keeps the mean
    quota = np.where(degrees < CORE.validation_watches, 0, np.clip(quota, 1, degrees // 2))
    return drawn(indptr, quota, rng)


def drawn(indptr: Ints, quota: Ints, rng: np.random.Generator) -> Mask:
    """Mask (watches,) of ``quota[i]`` random watches of each user i, whose watches are ``indptr[i]:indptr[i + 1]``."""
    degrees = np.diff(indptr)
    key = rng.random(int(indptr[-1]))
    shuffled = np.lexsort((key, np.repeat(np.arange(len(degrees)), degrees)))  # still grouped by user
    place = np.arange(int(indptr[-1])) - np.repeat(indptr[:-1], degrees)
    held = np.zeros(int(indptr[-1]), dtype=bool)
    held[shuffled[place < np.repeat(quota, degrees)]] = True
    return held
