"""NDCG@10 of the vectors during training, on the validation part of `recommenders.core.holdout`."""

from __future__ import annotations

import scipy.sparse as sp
import torch
from torch import Tensor

from gnn.recipe import RECIPE
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.top_k import top_k_left

__all__ = ["ndcg_at_10", "sampled"]

_BLOCK_VALUES = 16_000_000


def sampled(part: Holdout) -> Holdout:
    """The part with at most `Recipe.validation_users` judged users, since it is evaluated after nearly every epoch."""
    return part.sample(RECIPE.validation_users)


def ndcg_at_10(users: Tensor, contents: Tensor, bias: Tensor, seen: sp.csr_array, part: Holdout) -> float:
    """Mean NDCG@10 over the users of ``part``, all contents ranked by product + ``bias`` (C,), ``seen`` left out."""
    total, block = 0.0, max(16, _BLOCK_VALUES // max(1, len(contents)))
    low = contents.t().contiguous()
    for start in range(0, len(part.users), block):
        rows = part.users[start : start + block]
        scores = torch.addmm(bias, users[torch.from_numpy(rows).to(users.device)], low)
        watched = seen[rows].tocoo()
        best, _ = top_k_left(scores.cpu().numpy(), 10, (watched.row, watched.col))
        total += float(ndcg(judge(best, part.held_out[rows]), 10).sum())
    return total / len(part.users)
