"""Training of the network of watch ratios (`recommenders.ratio_network`): the notebook's way, and what goes beyond."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import scipy.sparse as sp

from recommenders.core.options import Progress
from recommenders.core.top_k import Floats, Ints
from recommenders.ratio_config import RATIO
from recommenders.ratio_network import Apart, Network, Rows

__all__ = ["THREADS", "Loss", "Ranking", "TrainingSettings", "train"]

Loss = Literal["mse", "l1", "wlr"]
Ranking = Literal["none", "pairwise", "listwise"]
THREADS: Final = 1
"""Threads of torch: steps are so small that more cost more than they bring, many times on a busy machine."""
_CUT_SPREAD: Final = 0.87962566
"""Deviation of the standard normal distribution between -2 and 2, by which Keras divides."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained. The defaults are the notebook's, but for its steps of 32 rows."""

    factors: int = 32
    hidden: int = 32
    epochs: int = 5
    batch: int = 1_024
    rate: float = 0.001
    """Of Adam."""
    loss: Loss = "mse"
    """Squared errors, absolute ones, or WLR: logistic regression in which each row counts as watched with the weight of
    its ratio and as not watched with weight 1, so that the odds are the ratio (Covington et al., RecSys 2016)."""
    ranking: Ranking = "none"
    """What is added to it: the logistic loss of pairs of a user's rows, weighted by the difference of their ratios
    (RankNet), or the cross-entropy of the softmaxes of eight of a user's rows (ListNet)."""
    balance: float = 0.0
    """Rows are drawn by the share of their bucket of ratios to the power of minus this; 0 passes over all rows."""


def train(
    rows: Rows,
    shape: tuple[int, int],
    features: Floats,
    settings: TrainingSettings | None = None,
    *,
    apart: Apart | None = None,
    friends: sp.csr_array | None = None,
    people: Floats | None = None,
    seed: int = 0,
    progress: Progress,
    another: Callable[[], bool] = lambda: True,
) -> Network:
    """Fit the network; ``shape`` counts users and videos, ``features`` (videos, F) are standardised here.

    ``apart`` gives the features while it trains; ``features`` are then those to predict with.
    ``friends`` (users, users): the mean of the vectors of a user's friends is added to the user's own. ``people``
    (users, F): features of users, standardised here, which stand beside the user as those of videos do. The notebook's
    steps have 32 rows, embeddings of 32 (Keras' he-normal, whose fan-in is the number of users
    or videos), 32 and 16 hidden, Adam with .001, squared errors. ``another`` is asked between two epochs; if it says
    no, training ends.
    """
    import torch

    settings = settings or TrainingSettings()
    torch.manual_seed(seed)
    middle, spread = _scale(features)
    standard = ((features - middle) / spread).astype(np.float32)
    given = torch.from_numpy(standard)
    if apart is not None:
        told_apart = torch.from_numpy(((apart.features - middle) / spread).astype(np.float32))
        fold = torch.from_numpy(apart.fold)
    factors, hidden, narrow = settings.factors, settings.hidden, max(1, settings.hidden // RATIO.narrow)
    circle = None if friends is None else torch.from_numpy(_circles(friends))
    user = torch.nn.Embedding(shape[0] + (circle is not None), factors)
    video = torch.nn.Embedding(shape[1], factors)
    for embedding in (user, video):
        deviation = math.sqrt(2.0 / embedding.num_embeddings) / _CUT_SPREAD
        torch.nn.init.trunc_normal_(embedding.weight, std=deviation, a=-2.0 * deviation, b=2.0 * deviation)
    of_features = torch.nn.Linear(features.shape[1], hidden)
    wide = factors
    layers = [user, video, of_features]
    if people is not None:
        low, high = _scale(people)
        described = torch.from_numpy(((people - low) / high).astype(np.float32))
        of_people = torch.nn.Linear(people.shape[1], hidden)
        layers.append(of_people)
        wide += hidden
    first, second, last = (
        torch.nn.Linear(*size) for size in ((wide + factors + hidden, hidden), (hidden, narrow), (narrow, 1))
    )
    modules = torch.nn.ModuleList([*layers, first, second, last])
    adam = torch.optim.Adam(modules.parameters(), lr=settings.rate, fused=True)
    users, videos = torch.from_numpy(rows.users.astype(np.int64)), torch.from_numpy(rows.videos.astype(np.int64))
    ratios = torch.from_numpy(rows.ratios.astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    relu = torch.nn.functional.relu
    beside = {"none": 0, "pairwise": 1, "listwise": RATIO.listwise_rows}[settings.ranking]
    own_rows = _OwnRows(rows, shape[0], generator) if beside else None
    chance = torch.from_numpy(_chances(rows.ratios, settings.balance)) if settings.balance else None

    def vectors(of: Any) -> Any:
        own = user(of)
        if circle is not None:
            own = own + torch.nn.functional.embedding_bag(circle[of], user.weight, mode="mean", padding_idx=shape[0])
        return own if people is None else torch.cat([own, relu(of_people(described[of]))], dim=1)

    def told(part: Any) -> Any:
        own = videos[part]
        beside_it = given[own] if apart is None else told_apart[fold[part], own]
        both = torch.cat([vectors(users[part]), video(own), relu(of_features(beside_it))], dim=1)
        both = torch.nn.functional.dropout(relu(first(both)), RATIO.dropout)
        return last(relu(second(both)))[:, 0]

    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        for epoch in range(settings.epochs):
            if epoch and not another():
                break
            if chance is None:
                order = torch.randperm(len(rows), generator=generator)
            else:
                drawn = torch.rand(len(rows), generator=generator, dtype=torch.float64)
                order = torch.searchsorted(chance, drawn).clamp(max=len(rows) - 1)
            for part in torch.split(order, settings.batch):
                error = _error(told(part), ratios[part], settings.loss)
                if own_rows is not None:
                    asked = part[: -(-len(part) // beside)]
                    group = torch.cat([asked[:, None], own_rows.some(users[asked], beside)], dim=1)
                    ranked = told(group.reshape(-1)).reshape(group.shape)
                    error = error + _rank_error(ranked, ratios[group], settings.ranking)
                adam.zero_grad()
                error.backward()
                adam.step()
            progress((epoch + 1) / settings.epochs, f"epoch {epoch + 1} of {settings.epochs}")
        with torch.no_grad():
            of_users = vectors(torch.arange(shape[0]))
    finally:
        torch.set_num_threads(threads)
    arrays = {
        "user": of_users,
        "video": video.weight,
        "feature_weight": of_features.weight.T,
        "feature_bias": of_features.bias,
        "second_weight": second.weight.T,
        "second_bias": second.bias,
        "last_weight": last.weight.T,
        "last_bias": last.bias,
        "first_bias": first.bias,
    }
    learned = {name: np.ascontiguousarray(array.detach().numpy()) for name, array in arrays.items()}
    parts = np.split(first.weight.detach().numpy().T, [wide, wide + factors])
    learned |= {name: np.array(part) for name, part in zip(("of_user", "of_video", "of_features"), parts, strict=True)}
    if settings.loss == "wlr":
        learned["odds"] = np.ones(1, dtype=np.float32)
    return Network({**learned, "features": standard})


def _scale(features: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column, 1 where it differs by no more than rounding does."""
    middle, spread = features.mean(axis=0), features.std(axis=0)
    return middle, np.where(spread > RATIO.rounding * np.abs(middle), spread, 1.0)


class _OwnRows:
    """Draws rows of given users."""

    def __init__(self, rows: Rows, users: int, generator: Any) -> None:
        import torch

        self._order = torch.from_numpy(np.argsort(rows.users, kind="stable"))
        counts = np.bincount(rows.users, minlength=users)
        self._counts = torch.from_numpy(counts)
        self._starts = torch.from_numpy(np.cumsum(counts) - counts)
        self._generator = generator

    def some(self, users: Any, count: int) -> Any:
        """Rows of each user, shape (users, count); a row may come twice."""
        import torch

        share = torch.rand((len(users), count), generator=self._generator, dtype=torch.float64)
        return self._order[self._starts[users][:, None] + (share * self._counts[users][:, None]).long()]


def _error(told: Any, ratios: Any, loss: Loss) -> Any:
    import torch

    if loss == "wlr":
        softplus = torch.nn.functional.softplus
        return (ratios * softplus(-told) + softplus(told)).mean()
    return (torch.nn.functional.mse_loss if loss == "mse" else torch.nn.functional.l1_loss)(told, ratios)


def _rank_error(told: Any, ratios: Any, ranking: Ranking) -> Any:
    """Of groups of one user's rows, shape (groups, rows)."""
    import torch

    ratios = ratios.clamp(max=RATIO.most)
    if ranking == "pairwise":
        apart = ratios[:, 0] - ratios[:, 1]
        return (apart.abs() * torch.nn.functional.softplus((told[:, 1] - told[:, 0]) * apart.sign())).mean()
    target = torch.softmax(ratios / RATIO.temperature, dim=1)
    return -(target * torch.log_softmax(told / RATIO.temperature, dim=1)).sum(dim=1).mean()


def _chances(ratios: Floats, balance: float) -> Floats:
    """Cumulative probability of each row to be drawn."""
    bucket = np.searchsorted(RATIO.edges, ratios)
    share = np.bincount(bucket, minlength=len(RATIO.edges) + 1) / max(1, len(ratios))
    weights = np.cumsum(share[bucket] ** -balance)
    return np.asarray(weights / weights[-1])


def _circles(friends: sp.csr_array) -> Ints:
    """Friends of each user, filled up with the number of users, shape (users, most)."""
    count = friends.shape[0]
    degrees = np.minimum(np.diff(friends.indptr), RATIO.friends)
    found = np.full((count, max(1, int(degrees.max(initial=0)))), count, dtype=np.int64)
    for place in range(found.shape[1]):
        has = degrees > place
        found[has, place] = friends.indices[friends.indptr[:-1][has] + place]
    return found
