"""Losses over users and contents: softmax over the catalogue without keeping users × contents, or pairs (BPR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gnn.attention import weighted_sum
from gnn.recipe import RECIPE
from gnn.relations import Relation

__all__ = ["CatalogueSample", "Negatives", "pairwise_loss", "popularity_bias", "softmax_loss"]


@dataclass(frozen=True)
class Negatives:
    """The contents of the denominator with their importance weights; all contents if both are None."""

    ids: Tensor | None = None
    """Content nids, shape (N,)."""
    weight: Tensor | None = None
    """1 / expected number of times that each content is drawn, shape (N,)."""


class CatalogueSample:
    """Draws the contents of a sampled softmax's denominator: a part uniformly, the rest by popularity."""

    def __init__(self, watchers: npt.NDArray[np.int64], count: int, device: torch.device) -> None:
        """``watchers`` (C,) counts the users of each content; ``count`` contents are drawn, or all taken if it is 0."""
        self._count, self._device = count, device
        popularity = watchers**RECIPE.sampled_power
        uniform = RECIPE.sampled_uniformly
        mixed = uniform / max(1, len(watchers)) + (1.0 - uniform) * popularity / max(1.0, popularity.sum())
        self._cumulated = np.cumsum(mixed / mixed.sum())

    def draw(self, rng: np.random.Generator) -> Negatives:
        """A new sample, drawn with repetition."""
        if not self._count:
            return Negatives()
        ids = np.searchsorted(self._cumulated, rng.random(self._count), side="right")
        chance = np.diff(self._cumulated, prepend=0.0)[ids]
        weight = torch.from_numpy((1.0 / (self._count * chance)).astype(np.float32))
        return Negatives(torch.from_numpy(ids).to(self._device), weight.to(self._device))


def popularity_bias(
    count: npt.NDArray[np.int64], temperature: float, popularity: float, device: torch.device
) -> Tensor:
    """Popularity prior (n,), at most 0: adds ``popularity`` · log(1 + ``count``), less its maximum, to each logit.

    It is scaled by ``temperature``, because it is added to cosines before they are divided by that.
    """
    odds = torch.from_numpy(np.log1p(count).astype(np.float32)).to(device)
    return temperature * popularity * (odds - (odds.max() if len(odds) else 0.0))


def softmax_loss(
    users: Tensor,
    contents: Tensor,
    positives: Relation,
    weight: Tensor,
    temperature: float,
    negatives: Negatives = Negatives(),
    precision: torch.dtype = torch.float32,
    bias: Tensor | None = None,
) -> Tensor:
    """Mean over positives of log sum_j exp((u·c_j + b_j) / temperature) − (u·c + b) / temperature.

    users (B, D) and contents (C, D) have unit length; ``positives`` sends contents to the B users; ``weight`` (E,) is
    each positive's share of the loss and should add up to 1; ``bias`` (C,) is b, at most 0 and a constant; None is 0.
    With sampled ``negatives`` the sum is estimated by importance weights, the log-popularity
    correction of sampled softmax (Bengio & Senécal 2008).

    ``precision`` is the type of the three matrix products. With bfloat16 the processor adds up in float32, but each
    product's result is rounded to bfloat16 (relative error up to 1/256) before it is converted to float32; the gradient
    of ``contents`` is the float32 sum of one such result per block of users. PyTorch has no product on the CPU that
    takes bfloat16 and gives float32. A step would take 12 % longer with exact denominators, and 60 % longer with
    float32 products everywhere, so the rounding stays.
    """
    per_user = torch.zeros(len(users), dtype=users.dtype, device=users.device)
    target = torch.from_numpy(positives.target).to(users.device, torch.int64)
    per_user.index_add_(0, target, weight)
    hits = (weighted_sum(weight, contents, positives) * users).sum() / temperature
    candidates = contents if negatives.ids is None else contents[negatives.ids]
    odds = negatives.weight
    if bias is not None:
        known = torch.tensor(positives.source, device=bias.device, dtype=torch.int64)
        hits = hits + weight @ bias[known] / temperature
        given = ((bias if negatives.ids is None else bias[negatives.ids]) / temperature).exp()
        odds = given if odds is None else odds * given
    return _LogSum.apply(users, candidates, per_user, odds, temperature, precision) - hits  # type: ignore[no-any-return]


def pairwise_loss(
    users: Tensor,
    contents: Tensor,
    positives: Relation,
    weight: Tensor,
    rivals: npt.NDArray[np.int64],
    temperature: float,
    bias: Tensor | None = None,
) -> Tensor:
    """Mean over positives of −log σ((u·c + b − u·r − b_r) / temperature), Rendle et al. (BPR, UAI 2009).

    ``rivals`` (E,) holds one content r for every positive; the other arguments are as in `softmax_loss`.
    """
    watched = torch.tensor(positives.source, device=users.device, dtype=torch.int64)
    others = torch.from_numpy(rivals).to(users.device)
    rows = torch.from_numpy(positives.target).to(users.device, torch.int64)
    ahead = (users[rows] * (contents[watched] - contents[others])).sum(dim=1)
    if bias is not None:
        ahead = ahead + bias[watched] - bias[others]
    return (weight * torch.nn.functional.softplus(-ahead / temperature)).sum()


class _LogSum(torch.autograd.Function):
    """Sum over users of share · log sum over contents of weight · exp(u·c / temperature).

    The forward pass also computes the gradients, block by block, while it has the exponentials: three matrix products
    in all. Cosines are at most 1, so exp(logit − 1/temperature) cannot overflow and needs no maximum. The row sums are
    one more column of the product with the contents.
    """

    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        contents: Tensor,
        share: Tensor,
        weight: Tensor | None,
        temperature: float,
        precision: torch.dtype,
    ) -> Tensor:
        lows = contents.to(precision)
        ones = torch.ones(len(contents), 1, dtype=precision, device=contents.device)
        extended = torch.cat([lows, ones], dim=1)
        if weight is not None:
            extended = extended * weight[:, None].to(precision)
        transposed = lows.t().contiguous()
        d_users, d_contents = torch.empty_like(users), torch.zeros_like(contents)
        total = torch.zeros((), dtype=users.dtype, device=users.device)
        block = max(1, min(len(users), max(RECIPE.loss_block_users, RECIPE.loss_block_values // max(1, len(contents)))))
        buffer = torch.empty(block, len(contents), dtype=precision, device=users.device)
        for start in range(0, len(users), block):
            rows = users[start : start + block]
            exponential = buffer[: len(rows)]
            torch.mm((rows / temperature).to(precision), transposed, out=exponential)
            exponential.sub_(1.0 / temperature).exp_()
            sums = (exponential @ extended).to(users.dtype)
            z = sums[:, -1:].clamp_min(torch.finfo(precision).tiny)
            scale = share[start : start + block, None] / (z * temperature)
            total += (share[start : start + block] * (z[:, 0].log() + 1.0 / temperature)).sum()
            d_users[start : start + block] = sums[:, :-1] * scale
            d_contents += exponential.t() @ (rows * scale).to(precision)
        if weight is not None:
            d_contents *= weight[:, None]
        ctx.save_for_backward(d_users, d_contents)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        d_users, d_contents = ctx.saved_tensors
        return grads[0] * d_users, grads[0] * d_contents, None, None, None, None
