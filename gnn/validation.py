"""What a training is judged by while it runs: what is held out, who is asked, and NDCG@10."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from gnn.recipe import RECIPE
from graph.snapshot import Snapshot, hindsight
from graph.snapshot.ages import timed

__all__ = ["hold_out", "judged_users", "ndcg_at_10"]

Ints = npt.NDArray[np.int64]


def hold_out(snapshot: Snapshot, rng: np.random.Generator) -> tuple[Snapshot, sp.csr_array]:
    """The snapshot without a slice of its watches, and the slice: the newest where times are known, else at random.

    What is left was there before the slice, follows, blocks and hides included.

    Every user keeps something to be known by.
    """
    watched = snapshot.watched
    in_time = timed(snapshot)
    rank = np.asarray(watched.columns["lastAt"], dtype=np.float64) if in_time else rng.random(len(watched))
    held = rank > np.quantile(rank, 1.0 - RECIPE.validation_share) if len(watched) else np.zeros(0, dtype=bool)
    kept = np.bincount(watched.source[~held], minlength=snapshot.users.count)
    held &= kept[watched.source] > 0
    coordinates = (watched.source[held], np.asarray(watched.target)[held])
    shape = (snapshot.users.count, snapshot.contents.count)
    part = sp.csr_array((np.ones(int(held.sum()), dtype=np.float32), coordinates), shape=shape)
    past = hindsight.social_until(snapshot, math.ceil(rank[held].min())) if in_time and held.any() else snapshot
    return past.with_edges(watched.keep(~held)), part


def judged_users(validation: sp.csr_array | None) -> Ints:
    """Those with something held out, ascending; of more than 4,000 so many, drawn at random."""
    if validation is None:
        return np.empty(0, dtype=np.int64)
    judged = np.flatnonzero(np.diff(validation.indptr))
    if len(judged) > RECIPE.validation_users:
        judged = np.sort(np.random.default_rng(0).choice(judged, RECIPE.validation_users, replace=False))
    return judged


def ndcg_at_10(
    users: Tensor, contents: Tensor, bias: Tensor, seen: sp.csr_array, held_out: sp.csr_array, sample: Ints
) -> float:
    """Mean NDCG@10 over the users of ``sample``, all contents ranked by product + ``bias`` (C,), seen ones left out."""
    discounts = 1.0 / np.log2(np.arange(2, 12))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))
    total, block = 0.0, max(16, 16_000_000 // max(1, len(contents)))
    low = contents.t().contiguous()
    k = min(10, len(contents))
    for start in range(0, len(sample), block):
        rows = sample[start : start + block]
        scores = torch.addmm(bias, users[torch.from_numpy(rows).to(users.device)], low)
        watched = seen[rows].tocoo()
        scores[torch.from_numpy(watched.row).long(), torch.from_numpy(watched.col).long()] = -torch.inf
        best = scores.topk(k, dim=1).indices.cpu().numpy()
        wanted = held_out[rows]
        hits = np.zeros(best.shape, dtype=bool)
        for row in range(len(rows)):
            truth = wanted.indices[wanted.indptr[row] : wanted.indptr[row + 1]]
            hits[row] = np.isin(best[row], truth)
        counts = np.minimum(np.diff(wanted.indptr), k)
        total += float(((hits * discounts[:k]).sum(1) / ideal[counts]).sum())
    return total / len(sample)
