from __future__ import annotations

import numpy as np
import pytest
import torch

from gnn import loss
from gnn.loss import Negatives, pairwise_loss, softmax_loss
from gnn.recipe import RECIPE
from gnn.relations import Relation, both_directions

USERS, CONTENTS, TEMPERATURE = 9, 31, 0.14


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    watched = rng.random((USERS, CONTENTS)) < 0.2
    watched[:, 0] = True
    users, contents = np.nonzero(watched)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(users, minlength=USERS))))
    positives = both_directions(indptr, contents.astype(np.int32), CONTENTS)[1]
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(n, 8, generator=generator, dtype=torch.float64) for n in (USERS, CONTENTS)]
    unit = [torch.nn.functional.normalize(v, dim=1).requires_grad_() for v in vectors]
    weight = torch.rand(len(users), generator=generator, dtype=torch.float64)
    return unit, positives, weight / weight.sum()


def naive(
    users: torch.Tensor, contents: torch.Tensor, positives: Relation, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for edge in range(positives.count):
        logits = (contents @ users[positives.target[edge]] + bias) / TEMPERATURE
        total = total - weight[edge] * torch.log_softmax(logits, 0)[positives.source[edge]]
    return total


@pytest.mark.parametrize("biased", [True, False])
def test_as_the_naive_loop_in_blocks_of_any_size(problem, monkeypatch, biased):
    (users, contents), positives, weight = problem
    bias = -torch.rand(CONTENTS, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * biased
    expected = naive(users, contents, positives, weight, bias)
    want = torch.autograd.grad(expected, (users, contents))
    monkeypatch.setattr(loss, "RECIPE", RECIPE.model_copy(update={"loss_block_values": 16 * CONTENTS}))
    given = bias if biased else None
    got = softmax_loss(users, contents, positives, weight, TEMPERATURE, precision=torch.float64, bias=given)
    torch.testing.assert_close(got, expected)
    for mine, theirs in zip(torch.autograd.grad(got, (users, contents)), want, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_bfloat16_products_stay_near(problem):
    (users, contents), positives, weight = problem
    users, contents = users.detach().float().requires_grad_(), contents.detach().float().requires_grad_()
    exact = softmax_loss(users, contents, positives, weight.float(), TEMPERATURE)
    rough = softmax_loss(users, contents, positives, weight.float(), TEMPERATURE, precision=torch.bfloat16)
    assert float(rough.detach()) == pytest.approx(float(exact.detach()), rel=0.02)
    for mine, theirs in zip(
        torch.autograd.grad(rough, (users, contents)), torch.autograd.grad(exact, (users, contents)), strict=True
    ):
        assert torch.nn.functional.cosine_similarity(mine.flatten(), theirs.flatten(), dim=0) > 0.999


def test_bfloat16_rounds_each_product_and_the_blocks_are_added_in_float32(monkeypatch):
    """1,000 blocks of one user: a running sum in bfloat16 would stop growing after some 256 of them."""
    generator = torch.Generator().manual_seed(1)
    one = torch.nn.functional.normalize(torch.randn(1, 8, generator=generator), dim=1)
    users = one.repeat(1_000, 1).requires_grad_()
    contents = torch.nn.functional.normalize(torch.randn(CONTENTS, 8, generator=generator), dim=1).requires_grad_()
    indptr, watched = np.arange(1_001), np.zeros(1_000, dtype=np.int32)
    positives = both_directions(indptr, watched, CONTENTS)[1]
    weight = torch.full((1_000,), 1e-3)
    blocks = RECIPE.model_copy(update={"loss_block_values": 1, "loss_block_users": 1})
    monkeypatch.setattr(loss, "RECIPE", blocks)
    exact, rough = (
        torch.autograd.grad(
            softmax_loss(users, contents, positives, weight, TEMPERATURE, precision=precision), (users, contents)
        )
        for precision in (torch.float32, torch.bfloat16)
    )
    for mine, theirs in zip(rough, exact, strict=True):
        error = (mine - theirs).norm() / theirs.norm()
        assert 1e-5 < error < 1.5e-2
    assert not torch.equal(rough[1], rough[1].to(torch.bfloat16).float())  # the sum itself is not rounded


def test_what_is_drawn_stands_for_what_is_not(problem):
    """Weights and repeated draws against a naive loop: log-popularity correction is their place in the sum."""
    (users, contents), positives, weight = problem
    rng = np.random.default_rng(5)
    bias = torch.from_numpy(-rng.random(CONTENTS))
    ids = torch.from_numpy(rng.integers(0, CONTENTS, 7))
    stands_for = torch.from_numpy(rng.uniform(0.5, 20.0, 7))
    expected = torch.zeros((), dtype=torch.float64)
    for edge in range(positives.count):
        logits = (contents @ users[positives.target[edge]] + bias) / TEMPERATURE
        estimate = sum(stands_for[n] * logits[ids[n]].exp() for n in range(7))
        expected = expected + weight[edge] * (torch.as_tensor(estimate).log() - logits[positives.source[edge]])
    negatives = Negatives(ids, stands_for)
    got = softmax_loss(users, contents, positives, weight, TEMPERATURE, negatives, torch.float64, bias)
    torch.testing.assert_close(got, expected)
    want = torch.autograd.grad(expected, (users, contents))
    for mine, theirs in zip(torch.autograd.grad(got, (users, contents)), want, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_all_contents_drawn_with_weight_one_is_the_full_softmax(problem):
    (users, contents), positives, weight = problem
    everything = Negatives(torch.arange(CONTENTS), torch.ones(CONTENTS, dtype=torch.float64))
    full = softmax_loss(users, contents, positives, weight, TEMPERATURE, precision=torch.float64)
    drawn = softmax_loss(users, contents, positives, weight, TEMPERATURE, everything, precision=torch.float64)
    torch.testing.assert_close(drawn, full)
    got = torch.autograd.grad(drawn, (users, contents))
    for mine, theirs in zip(got, torch.autograd.grad(full, (users, contents)), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("biased", [True, False])
def test_pairs_as_the_naive_loop(problem, biased):
    (users, contents), positives, weight = problem
    bias = -torch.rand(CONTENTS, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * biased
    rivals = np.random.default_rng(3).integers(0, CONTENTS, positives.count)
    expected = torch.zeros((), dtype=torch.float64)
    for edge in range(positives.count):
        logits = (contents @ users[positives.target[edge]] + bias) / TEMPERATURE
        expected = expected - weight[edge] * torch.sigmoid(logits[positives.source[edge]] - logits[rivals[edge]]).log()
    got = pairwise_loss(users, contents, positives, weight, rivals, TEMPERATURE, bias if biased else None)
    torch.testing.assert_close(got, expected)
    want = torch.autograd.grad(expected, (users, contents))
    for mine, theirs in zip(torch.autograd.grad(got, (users, contents)), want, strict=True):
        torch.testing.assert_close(mine, theirs)
