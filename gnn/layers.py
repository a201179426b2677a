"""The convolutions, one class each, over one relation between two labels; `GnnConfig.convolution` chooses one.

A convolution has a learned transform only if it is part of its paper: a transform of id embeddings learns nothing that
the ids cannot learn (He et al., LightGCN, arXiv:2002.02126). Each transform starts as the identity.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gnn.attention import attend, attend_v2, weighted_sum
from gnn.config import Convolution
from gnn.recipe import RECIPE
from gnn.relations import Relation

__all__ = ["CONVOLUTIONS", "Dense", "Gat", "GatV2", "Gcn", "GraphConv", "Light", "Messages", "Sage"]


def _log_degrees(relation: Relation, like: Tensor) -> Tensor:
    return torch.from_numpy(relation.degrees).to(like).log1p()


class Messages(nn.Module):
    """Base of the convolutions: messages over one relation, from the vectors of its sources and of its targets."""

    def ends(self) -> tuple[Tensor, Tensor] | None:
        """Matrices for the vectors of sources and of targets, whose products `forward` takes instead of the targets.

        None: `forward` takes the vectors of the targets.
        """
        return None


class _Attention(Messages):
    """Base of both attentions: a learned prior against sources with many edges, and weights of edge features."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__()
        self.heads = heads
        self.prior = nn.Parameter(torch.full((heads,), RECIPE.attention_prior))
        self.edge = nn.Parameter(torch.zeros(edge_features)) if edge_features else None

    def biases(self, relation: Relation, like: Tensor) -> tuple[Tensor, Tensor | None]:
        """Biases of the score for each source and head (S, H), and for each edge (E,), None without edge features."""
        bias = -_log_degrees(relation, like)[:, None] * self.prior
        if self.edge is None or relation.features is None:
            return bias, None
        return bias, torch.from_numpy(relation.features).to(like) @ self.edge


class Gat(_Attention):
    """Graph attention (arXiv:1710.10903) with a degree prior."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__(dim, heads, edge_features)
        self.left = nn.Parameter(torch.randn(heads, dim // heads) * RECIPE.attention_std)
        self.right = nn.Parameter(torch.randn(heads, dim // heads) * RECIPE.attention_std)

    def ends(self) -> tuple[Tensor, Tensor]:
        """The block-diagonal matrices (D, H) that multiply the vectors of sources and of targets before `forward`.

        One matrix product for all heads needs fewer passes over memory than a product for each head.
        """
        return _block_diagonal(self.left), _block_diagonal(self.right)

    def forward(self, source: Tensor, halves: tuple[Tensor, Tensor], relation: Relation) -> Tensor:
        """Messages from source (S, D) to T targets; ``halves`` are sources (S, H) and targets (T, H) times `ends`."""
        left, right = halves
        return attend(left, right, *self.biases(relation, source), source, relation)


class GatV2(_Attention):
    """GATv2 (arXiv:2105.14491): the score adds both ends before its nonlinearity."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__(dim, heads, edge_features)
        self.left = nn.Linear(dim, dim, bias=False)
        self.right = nn.Linear(dim, dim)
        self.weight = nn.Parameter(torch.randn(dim) * RECIPE.attention_std)

    def forward(self, source: Tensor, target: Tensor, relation: Relation) -> Tensor:
        """Messages from source (S, D) to target (T, D)."""
        bias, edge_bias = self.biases(relation, source)
        return attend_v2(self.left(source), self.right(target), self.weight, bias, edge_bias, source, relation)


class _Fixed(Messages):
    """Convolutions whose edge weights depend on degrees alone."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__()

    def mean(self, source: Tensor, relation: Relation) -> Tensor:
        received = torch.tensor(relation.indptr).diff()  # a copy: a memory map is read-only
        weight = (1.0 / received.clamp_min(1)).to(source.dtype).repeat_interleave(received)
        return weighted_sum(weight.to(source.device), source, relation)

    def symmetric(self, source: Tensor, relation: Relation) -> Tensor:
        received = torch.tensor(relation.indptr).diff()  # a copy: a memory map is read-only
        whole = torch.from_numpy(relation.received).clamp_min(1.0)  # in the whole graph, of which edges may be sampled
        sent = (
            torch.from_numpy(relation.degrees).clamp_min(1.0).rsqrt()[torch.tensor(relation.source, dtype=torch.int64)]
        )
        weight = (whole.sqrt() / received.clamp_min(1)).repeat_interleave(received) * sent
        return weighted_sum(weight.to(source), source, relation)


class Light(_Fixed):
    """The propagation of LightGCN (arXiv:2002.02126): symmetric-normalised sums."""

    def forward(self, source: Tensor, target: Tensor, relation: Relation) -> Tensor:
        """Messages from source (S, D) to target (T, D)."""
        return self.symmetric(source, relation)


class Gcn(_Fixed):
    """GCN (arXiv:1609.02907): symmetric-normalised sums, then a learned transform."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__(dim, heads, edge_features)
        self.transform = _identity(dim)

    def forward(self, source: Tensor, target: Tensor, relation: Relation) -> Tensor:
        """Messages from source (S, D) to target (T, D)."""
        moved: Tensor = self.transform(self.symmetric(source, relation))
        return moved


class Sage(_Fixed):
    """GraphSAGE (arXiv:1706.02216): a transform of the neighbours' mean plus one of the node itself."""

    def __init__(self, dim: int, heads: int, edge_features: int) -> None:
        super().__init__(dim, heads, edge_features)
        self.neighbours = _identity(dim)
        self.own = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.own.weight)

    def forward(self, source: Tensor, target: Tensor, relation: Relation) -> Tensor:
        """Messages from source (S, D) to target (T, D)."""
        moved: Tensor = self.neighbours(self.mean(source, relation)) + self.own(target)
        return moved


class GraphConv(Sage):
    """GraphConv (arXiv:1810.02244) with degree-weighted sums: in plain sums nodes with many edges would dominate."""

    def forward(self, source: Tensor, target: Tensor, relation: Relation) -> Tensor:
        """Messages from source (S, D) to target (T, D)."""
        moved: Tensor = self.neighbours(self.symmetric(source, relation)) + self.own(target)
        return moved


def _block_diagonal(rows: Tensor) -> Tensor:
    """(H, W) → (H·W, H), row h in column h."""
    heads = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    return (rows[:, :, None] * heads[:, None, :]).flatten(0, 1)


def _identity(dim: int) -> nn.Linear:
    linear = nn.Linear(dim, dim, bias=False)
    nn.init.eye_(linear.weight)
    return linear


class Dense(nn.Module):
    """A dense layer on each node's own vector, without messages."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D) to (N, D)."""
        return self.linear(vectors).relu()  # type: ignore[no-any-return]


CONVOLUTIONS: dict[Convolution, Callable[[int, int, int], Messages]] = {
    "gat": Gat,
    "gatv2": GatV2,
    "gcn": Gcn,
    "graphconv": GraphConv,
    "sage": Sage,
    "light": Light,
}
