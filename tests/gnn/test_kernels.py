"""The sweeps against PyG's own convolutions, against finite differences, and against loops nobody can misread."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from gnn import attention, sweeps
from gnn.attention import attend, attend_v2, weighted_sum
from gnn.layers import Light, Sage
from gnn.relations import Relation, both_directions

SOURCES, TARGETS, HEADS, WIDTH = 7, 5, 2, 3


def relation(sources: int = SOURCES, targets: int = TARGETS, edges: int = 14, seed: int = 0) -> Relation:
    """Random edges; the last target gets none, and one pair stands twice."""
    rng = np.random.default_rng(seed)
    source = np.sort(rng.integers(0, sources, edges))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(source, minlength=sources))))
    target = rng.integers(0, targets - 1, edges).astype(np.int32)
    target[1] = target[0]
    return both_directions(indptr, target, targets)[0]


def tensors(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True) for shape in shapes]


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def _threads(request, monkeypatch):
    monkeypatch.setattr(sweeps, "_SMALL", 0)
    monkeypatch.setattr(sweeps, "threads", lambda: request.param)


@pytest.mark.usefixtures("_threads")
class TestGradients:
    def test_attend(self):
        edges = relation()
        dim = HEADS * WIDTH
        inputs = tensors((SOURCES, HEADS), (TARGETS, HEADS), (SOURCES, HEADS), (edges.count,), (SOURCES, dim))
        assert torch.autograd.gradcheck(partial(attend, relation=edges), inputs)

    def test_attend_v2(self):
        edges = relation()
        keys, dim = HEADS * 4, HEADS * WIDTH
        inputs = tensors((SOURCES, keys), (TARGETS, keys), (keys,), (SOURCES, HEADS), (edges.count,), (SOURCES, dim))
        assert torch.autograd.gradcheck(partial(attend_v2, relation=edges), inputs)

    def test_weighted_sum(self):
        edges = relation()
        weight, values = tensors((edges.count,), (SOURCES, 4))
        assert torch.autograd.gradcheck(lambda v: weighted_sum(weight.detach(), v, edges), (values,))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("version", ["GATConv", "GATv2Conv"])
def test_as_pyg_forward_and_backward(version):
    from torch_geometric import nn as pyg

    edges = relation(300, 200, 3_000)
    source, target = tensors((300, 16), (200, 16), dtype=torch.float32)
    theirs = getattr(pyg, version)((16, 16), 4, heads=4, add_self_loops=False, bias=False)
    pairs = torch.from_numpy(np.stack([edges.source, edges.target])).long()
    expected = theirs((source, target), pairs)

    none = torch.zeros(300, 4)
    if version == "GATConv":
        values, other = theirs.lin_src or theirs.lin, theirs.lin_dst or theirs.lin
        moved, received = values(source), other(target)
        left = (moved.view(300, 4, 4) * theirs.att_src).sum(-1)
        right = (received.view(200, 4, 4) * theirs.att_dst).sum(-1)
        ours = attend(left, right, none, None, moved, edges)
    else:
        moved = theirs.lin_l(source)
        ours = attend_v2(moved, theirs.lin_r(target), theirs.att.flatten(), none, None, moved, edges)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)

    toward = torch.randn(200, 16, generator=torch.Generator().manual_seed(2))
    weights = [source, target, *(p for p in theirs.parameters() if p.requires_grad)]
    want = torch.autograd.grad((expected * toward).sum(), weights, retain_graph=True)
    for got, wanted in zip(torch.autograd.grad((ours * toward).sum(), weights), want, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


ATTEND = partial(attend, relation=relation())
ATTEND_V2 = partial(attend_v2, relation=relation())


def summed(weight: Tensor, values: Tensor) -> Tensor:
    return weighted_sum(weight.detach(), values, relation())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("message", "shapes"),
    [
        (ATTEND, [(SOURCES, HEADS), (TARGETS, HEADS), (SOURCES, HEADS), (14,), (SOURCES, HEADS * WIDTH)]),
        (ATTEND_V2, [(SOURCES, 8), (TARGETS, 8), (8,), (SOURCES, HEADS), (14,), (SOURCES, HEADS * WIDTH)]),
        (summed, [(14,), (SOURCES, WIDTH)]),
    ],
    ids=["attend", "attend_v2", "weighted_sum"],
)
def test_the_path_of_a_gpu_gives_the_same_forward_and_backward(message, shapes, monkeypatch):
    """PyG's own operations, run on the CPU here."""
    inputs = tensors(*shapes)
    ours = message(*inputs)
    monkeypatch.setattr(attention, "_by_pyg", lambda values: True)
    theirs = message(*inputs)
    torch.testing.assert_close(ours, theirs)
    toward = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradients = [torch.autograd.grad((out * toward).sum(), inputs, allow_unused=True) for out in (ours, theirs)]
    for got, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_fixed_weights_are_those_of_pyg():
    """A step of LightGCN and the mean of GraphSAGE, over a graph of two kinds of nodes."""
    from torch_geometric.nn import LGConv, SAGEConv

    edges = relation(30, 20, 200)
    source, target = tensors((30, 8), (20, 8), dtype=torch.float32)
    pairs = torch.from_numpy(np.stack([edges.source, edges.target])).long()
    bipartite = torch.stack([pairs[0], pairs[1] + 30])  # one graph of everyone, edges both ways
    whole = LGConv()(torch.cat([source, target]), torch.cat([bipartite, bipartite.flip(0)], dim=1))
    torch.testing.assert_close(Light(8, 1, 0)(source, target, edges), whole[30:], rtol=1e-5, atol=1e-5)

    ours, theirs = Sage(8, 1, 0), SAGEConv((8, 8), 8, bias=False)
    ours.neighbours.weight.data.copy_(theirs.lin_l.weight)
    ours.own.weight.data.copy_(theirs.lin_r.weight)
    torch.testing.assert_close(ours(source, target, edges), theirs((source, target), pairs), rtol=1e-5, atol=1e-5)


def test_a_target_without_edges_gets_nothing():
    edges = relation()
    left, right, bias, values = tensors((SOURCES, HEADS), (TARGETS, HEADS), (SOURCES, HEADS), (SOURCES, HEADS * WIDTH))
    assert not attend(left, right, bias, None, values, edges)[-1].any()


def test_both_directions_hold_the_same_edges():
    rng = np.random.default_rng(3)
    indptr = np.array([0, 2, 2, 5])
    target = np.array([1, 3, 0, 1, 3], dtype=np.int32)
    features = rng.random((5, 2), dtype=np.float32)
    mask = np.array([True, False, True, True, True])
    towards, back = both_directions(indptr, target, 4, features, mask)
    kept = {
        (s, t): f for s, t, f, m in zip([0, 0, 2, 2, 2], target.tolist(), features.tolist(), mask, strict=True) if m
    }
    assert towards.features is not None
    assert back.features is not None
    forth = zip(towards.source.tolist(), towards.target.tolist(), towards.features.tolist(), strict=True)
    assert {(s, t): f for s, t, f in forth} == kept
    returned = zip(back.target.tolist(), back.source.tolist(), back.features.tolist(), strict=True)
    assert {(s, t): f for s, t, f in returned} == kept
    for made in (towards, back):
        for source in range(made.sources):
            for place in range(made.out_indptr[source], made.out_indptr[source + 1]):
                edge = made.out_edge[place]
                assert made.source[edge] == source
                assert made.target[edge] == made.out_target[place]
