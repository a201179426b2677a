"""Training of LightGCN as published: PyG's model and loss, propagation over the whole graph once a step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from gnn.attention import weighted_sum
from gnn.recipe import RECIPE
from gnn.relations import Relation, both_directions
from gnn.reproducible import reproducible
from gnn.validation import ndcg_at_10, sampled
from recommenders.core.holdout import Holdout

__all__ = ["Schedule", "Trained", "ndcg_on", "train"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Schedule:
    """When to validate and when to stop."""

    epochs: int
    """Most passes over all watches."""
    patience: int = 0
    """Validations without a better figure before training stops; 0 never stops early and validates at the end only."""
    every: int = 1
    """Epochs from one validation to the next."""


@dataclass(frozen=True)
class Trained:
    """Vectors of the best epoch; without validation, of the last one."""

    users: Floats
    """Mean over all layers, shape (U, dim)."""
    contents: Floats
    """Mean over all layers, shape (C, dim)."""
    epochs: int
    """Epochs that the vectors were trained for."""
    threads: int
    """Threads of the training; another number changes the last digits of sums."""


def train(
    watched: sp.csr_array,
    *,
    dim: int,
    layers: int,
    rate: float,
    regularisation: float,
    batch: int,
    seed: int,
    threads: int = 0,
    schedule: Schedule,
    validate: Callable[[Floats, Floats], float] | None = None,
    heard: Callable[[int, float, bool], bool] = lambda epoch, loss, over: True,
) -> Trained:
    """LightGCN (He et al., SIGIR 2020) on ``watched`` (users × contents): BPR with one unwatched content per watch.

    The L2 term is that of the authors' code: ``regularisation`` · half the squared norm of the batch's initial vectors,
    divided by the size of the batch. An epoch goes over all watches in random order, in batches of ``batch``.
    ``threads`` 0 means `gnn.sweeps.threads`. ``validate`` takes vectors of users and of contents and gives the figure
    to maximise. ``heard`` is called after each epoch with its number, its mean loss and whether it is the last one
    anyway; if it returns False, training ends.
    """
    with reproducible(threads, torch.device("cpu")) as used:
        users = watched.shape[0]
        relation, weight = normalised(watched)
        model = lightgcn(sum(watched.shape), dim, layers, seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
        pairs = np.stack([np.repeat(np.arange(users), np.diff(watched.indptr)), watched.indices]).astype(np.int64)
        best = embedded(model, relation, weight), -1.0, 0

        def judge(epoch: int) -> None:
            nonlocal best
            vectors = embedded(model, relation, weight)
            figure = validate(vectors[:users], vectors[users:]) if validate else 0.0
            if figure > best[1] or not schedule.patience:
                best = vectors, figure, epoch

        for epoch in range(1, schedule.epochs + 1):
            rng = np.random.default_rng([seed, epoch])
            negatives = unwatched(watched, pairs, rng)
            losses = []
            for chosen in np.array_split(rng.permutation(len(negatives)), max(1, round(len(negatives) / batch))):
                loss = bpr(model, relation, weight, pairs[:, chosen], negatives[chosen], users, regularisation)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(float(loss.detach()))
            due = bool(schedule.patience) and epoch % schedule.every == 0
            if due:
                judge(epoch)
            over = epoch == schedule.epochs or (due and epoch - best[2] >= schedule.patience * schedule.every)
            if not heard(epoch, float(np.mean(losses)), over) or over:
                if not due:
                    judge(epoch)
                break
    vectors, _, best_epoch = best
    return Trained(vectors[:users].copy(), vectors[users:].copy(), best_epoch, used)


def ndcg_on(part: Holdout, seen: sp.csr_array) -> Callable[[Floats, Floats], float]:
    """The ``validate`` of `train` for a validation part: NDCG@10, with ``seen`` contents left out of the ranking."""
    judged, bias = sampled(part), torch.zeros(part.held_out.shape[1])
    return lambda users, contents: ndcg_at_10(torch.from_numpy(users), torch.from_numpy(contents), bias, seen, judged)


def lightgcn(nodes: int, dim: int, layers: int, seed: int) -> Any:
    """PyG's LightGCN with its Xavier initialisation, as published; its convolutions use this package's kernels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # importing PyG uses torch.jit
        warnings.simplefilter("ignore", DeprecationWarning)
        from torch_geometric.nn import LightGCN

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LightGCN(nodes, dim, layers)
    model.convs = nn.ModuleList(_Propagation() for _ in range(layers))
    return model


class _Propagation(nn.Module):
    """PyG's LGConv computed by `gnn.attention.weighted_sum`, which is about fifteen times as fast on a CPU."""

    def forward(self, vectors: Tensor, relation: Relation, weight: Tensor) -> Tensor:
        """(N, D) to (N, D): the sum of the neighbours' vectors, each times its edge's ``weight``."""
        return weighted_sum(weight, vectors, relation)


def normalised(watched: sp.csr_array) -> tuple[Relation, Tensor]:
    """Watches as edges in both directions, with the weight 1 / √(degree · degree) of each edge.

    Nodes are all users, then all contents.
    """
    pairs = sp.csr_array((np.ones(watched.nnz, dtype=np.float32), watched.indices, watched.indptr), shape=watched.shape)
    adjacency = sp.csr_array(sp.block_array([[None, pairs], [pairs.T, None]], format="csr"))
    adjacency.sort_indices()
    indptr, source = adjacency.indptr.astype(np.int64), adjacency.indices.astype(np.int32)
    relation = both_directions(indptr, source, adjacency.shape[1])[1]
    degree = np.diff(indptr).astype(np.float32)
    weight = 1.0 / np.sqrt(np.repeat(degree, np.diff(indptr)) * degree[source])
    return relation, torch.from_numpy(weight.astype(np.float32))


def bpr(
    model: Any,
    relation: Relation,
    weight: Tensor,
    pairs: Ints,
    negatives: Ints,
    users: int,
    regularisation: float,
) -> Tensor:
    """PyG's `recommendation_loss` for ``pairs`` (2, n) of user and watched content, against ``negatives`` (n,)."""
    user, watched = torch.from_numpy(pairs)
    positive, negative = watched + users, torch.from_numpy(negatives) + users
    vectors = model.get_embedding(relation, weight)
    of_users = vectors[user]
    above = (of_users * vectors[positive]).sum(dim=1)
    below = (of_users * vectors[negative]).sum(dim=1)
    nodes = torch.cat([user, positive, negative])
    loss: Tensor = model.recommendation_loss(above, below, nodes, lambda_reg=regularisation / 2)
    return loss


@torch.no_grad()
def embedded(model: Any, relation: Relation, weight: Tensor) -> Floats:
    """Mean over all layers, (U + C, dim): first the users, then the contents."""
    vectors: Floats = model.get_embedding(relation, weight).numpy()
    return vectors


def unwatched(watched: sp.csr_array, pairs: Ints, rng: np.random.Generator) -> Ints:
    """For each of ``pairs`` (2, n) one content that its user has not watched, drawn uniformly, (n,).

    A watched content is drawn again at most `Recipe.lightgcn_redraws` times, so users who watched nearly everything
    may keep one.
    """
    contents = watched.shape[1]
    keys = np.sort(pairs[0] * contents + pairs[1])
    drawn: Ints = rng.integers(contents, size=(pairs.shape[1],), dtype=np.int64)
    wrong = np.arange(len(drawn))
    for _ in range(RECIPE.lightgcn_redraws):
        asked = pairs[0, wrong] * contents + drawn[wrong]
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        wrong = wrong[keys[place] == asked]
        if not len(wrong):
            break
        drawn[wrong] = rng.integers(contents, size=len(wrong))
    return drawn
