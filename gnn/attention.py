"""Message passing with gradients: the numba sweeps as autograd functions on CPU, PyG's own operations on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnn import sweeps
from gnn.recipe import RECIPE
from gnn.relations import Relation

__all__ = ["SLOPE", "attend", "attend_v2", "weighted_sum"]

SLOPE = RECIPE.attention_slope


def attend(
    left: Tensor, right: Tensor, bias: Tensor, edge_bias: Tensor | None, values: Tensor, relation: Relation
) -> Tensor:
    """One graph attention (Veličković et al., arXiv:1710.10903) without anything of shape (edges, width) on CPU.

    The score of edge s → t and head h is leaky_relu(left[s, h] + right[t, h]) + bias[s, h] + edge_bias[e]; its softmax
    over the edges of t weighs values[s]. Shapes: left and bias (S, H), right (T, H), edge_bias (E,), values (S, D)
    with D a multiple of H; gives (T, D), zero where there is no edge.
    """
    if _by_pyg(values):
        score = torch.nn.functional.leaky_relu(_at(left, relation.source) + _at(right, relation.target), SLOPE)
        return _aggregate(score + _at(bias, relation.source), edge_bias, values, relation)
    none = values.new_empty(0)
    return _Attend.apply(left, right, bias, none if edge_bias is None else edge_bias, values, relation)  # type: ignore[no-any-return]


def attend_v2(
    left: Tensor,
    right: Tensor,
    weight: Tensor,
    bias: Tensor,
    edge_bias: Tensor | None,
    values: Tensor,
    relation: Relation,
) -> Tensor:
    """As ``attend`` with the score of GATv2 (Brody et al., arXiv:2105.14491): weight · leaky_relu(left[s] + right[t]).

    left (S, K), right (T, K), weight (K,), K a multiple of the heads, which ``bias`` (S, H) counts.
    """
    if _by_pyg(values):
        z = torch.nn.functional.leaky_relu(_at(left, relation.source) + _at(right, relation.target), SLOPE) * weight
        score = z.view(relation.count, bias.shape[1], z.shape[1] // bias.shape[1]).sum(-1)
        return _aggregate(score + _at(bias, relation.source), edge_bias, values, relation)
    none = values.new_empty(0)
    return _AttendV2.apply(left, right, weight, bias, none if edge_bias is None else edge_bias, values, relation)  # type: ignore[no-any-return]


def weighted_sum(weight: Tensor, values: Tensor, relation: Relation) -> Tensor:
    """Sum over each target's edges of weight (E,), a constant, times values (S, D); gives (T, D)."""
    if _by_pyg(values):
        from torch_geometric.utils import scatter  # PyG takes seconds to import, and only a GPU needs it

        messages = weight[:, None] * _at(values, relation.source)
        target = _index(relation.target, values)
        return scatter(messages, target, dim=0, dim_size=relation.targets, reduce="sum")  # type: ignore[no-any-return]
    return _WeightedSum.apply(weight, values, relation)  # type: ignore[no-any-return]


def _by_pyg(values: Tensor) -> bool:
    """Whether to use PyG's operations: on every device but the CPU."""
    return values.device.type != "cpu"


def _index(ids: Any, like: Tensor) -> Tensor:
    return torch.from_numpy(np.asarray(ids)).to(like.device, torch.int64)


def _at(rows: Tensor, ids: Any) -> Tensor:
    return rows[_index(ids, rows)]


def _aggregate(score: Tensor, edge_bias: Tensor | None, values: Tensor, relation: Relation) -> Tensor:
    from torch_geometric.utils import scatter, softmax

    target = _index(relation.target, values)
    alpha = softmax(score if edge_bias is None else score + edge_bias[:, None], target, num_nodes=relation.targets)
    heads = alpha.shape[1]  # no -1 in the shape: there may be no edge
    messages = _at(values, relation.source).view(relation.count, heads, values.shape[1] // heads) * alpha[:, :, None]
    received: Tensor = scatter(messages, target, dim=0, dim_size=relation.targets, reduce="sum")
    return received.flatten(1)


def _arrays(*tensors: Tensor) -> list[Any]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, bias: Tensor, edge_bias: Tensor, values: Tensor, relation: Relation
    ) -> Tensor:
        alpha = values.new_empty(relation.count, left.shape[1])
        out = values.new_empty(relation.targets, values.shape[1])
        arrays = _arrays(left, right, bias, edge_bias, values)
        sweeps.sweep(sweeps.attend, relation.indptr, relation.source, *arrays, SLOPE, alpha.numpy(), out.numpy())
        ctx.relation, ctx.edges = relation, edge_bias.shape[0]
        ctx.save_for_backward(left, right, values, alpha, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        left, right, values, alpha, out = ctx.saved_tensors
        relation, heads = ctx.relation, left.shape[1]
        grad = grads[0].contiguous()
        mean = out.new_empty(len(out), heads)
        sweeps.sweep(sweeps.head_products, relation.indptr, *_arrays(grad, out, mean))
        d_left, d_bias, d_values = torch.empty_like(left), torch.empty_like(left), torch.empty_like(values)
        d_right, d_score, d_edge = torch.empty_like(right), torch.empty_like(alpha), values.new_empty(ctx.edges)
        sweeps.sweep(
            sweeps.attend_back_sources,
            relation.out_indptr,
            relation.out_target,
            relation.out_edge,
            *_arrays(left, right, values),
            SLOPE,
            *_arrays(alpha, grad, mean, d_left, d_bias, d_edge, d_score, d_values),
        )
        sweeps.sweep(sweeps.attend_back_targets, relation.indptr, *_arrays(d_score, d_right))
        return d_left, d_right, d_bias, d_edge, d_values, None


class _AttendV2(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        weight: Tensor,
        bias: Tensor,
        edge_bias: Tensor,
        values: Tensor,
        relation: Relation,
    ) -> Tensor:
        alpha = values.new_empty(relation.count, bias.shape[1])
        out = values.new_empty(relation.targets, values.shape[1])
        arrays = _arrays(left, right, weight, bias, edge_bias, values)
        sweeps.sweep(sweeps.attend_v2, relation.indptr, relation.source, *arrays, SLOPE, alpha.numpy(), out.numpy())
        ctx.relation, ctx.edges = relation, edge_bias.shape[0]
        ctx.save_for_backward(left, right, weight, bias, values, alpha, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        left, right, weight, bias, values, alpha, out = ctx.saved_tensors
        relation, heads = ctx.relation, bias.shape[1]
        grad = grads[0].contiguous()
        mean = out.new_empty(len(out), heads)
        sweeps.sweep(sweeps.head_products, relation.indptr, *_arrays(grad, out, mean))
        d_left, d_bias, d_values = torch.empty_like(left), torch.empty_like(bias), torch.empty_like(values)
        d_right, d_weight = torch.empty_like(right), torch.empty_like(right)
        d_score, d_edge = torch.empty_like(alpha), values.new_empty(ctx.edges)
        keys = _arrays(left, right, weight)
        sweeps.sweep(
            sweeps.attend_v2_back_sources,
            relation.out_indptr,
            relation.out_target,
            relation.out_edge,
            *keys,
            values.detach().contiguous().numpy(),
            SLOPE,
            *_arrays(alpha, grad, mean, d_left, d_bias, d_edge, d_score, d_values),
        )
        sweeps.sweep(
            sweeps.attend_v2_back_targets,
            relation.indptr,
            relation.source,
            *keys,
            SLOPE,
            *_arrays(d_score, d_right, d_weight),
        )
        return d_left, d_right, d_weight.sum(0), d_bias, d_edge, d_values, None


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, values: Tensor, relation: Relation) -> Tensor:
        ctx.relation = relation
        ctx.save_for_backward(weight)
        out = values.new_empty(relation.targets, values.shape[1])
        none = np.empty(0, dtype=np.int32)
        sweeps.sweep(sweeps.weighted_sum, relation.indptr, relation.source, none, *_arrays(weight, values), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        relation = ctx.relation
        d_values = grads[0].new_empty(relation.sources, grads[0].shape[1])
        sweeps.sweep(
            sweeps.weighted_sum,
            relation.out_indptr,
            relation.out_target,
            relation.out_edge,
            *_arrays(weight, grads[0], d_values),
        )
        return None, d_values, None
