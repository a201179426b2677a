"""What is learned from who knows whom: the loss, who is asked, and what it does for people without a watch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gnn import batches, processes
from gnn.config import GnnConfig
from gnn.fitting import make_trainer
from gnn.friend_loss import Friends
from gnn.recipe import RECIPE
from gnn.recommender import GraphNetwork
from gnn.trainer import Trainer
from graph.snapshot import Snapshot
from tests import checkerboard
from tests.conformance import odd

TEMPERATURE, POPULARITY = 0.3, 0.5


def friends_of(snapshot: Snapshot) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(snapshot.users.count)]
    pairs = zip(snapshot.follows.source.tolist(), np.asarray(snapshot.follows.target).tolist(), strict=True)
    for source, target in pairs:
        if source != target:
            found[source].add(target)
            found[target].add(source)
    return found


@pytest.fixture
def snapshot() -> Snapshot:
    """Seven users, of whom the last knows nobody; one pair follows each other both ways."""
    return odd([(user, user % 3) for user in range(7)], [(0, 1), (1, 0), (2, 0), (3, 4), (0, 5), (5, 4)], size=7)


def test_the_loss_is_that_of_a_naive_loop(snapshot):
    torch.manual_seed(0)
    ids = torch.randn(7, 4, requires_grad=True)
    users = np.array([0, 2, 5, 6])
    vectors = torch.nn.functional.normalize(torch.randn(4, 4), dim=1).requires_grad_()
    friends = friends_of(snapshot)
    odds = torch.tensor([1.0 + len(known) for known in friends]).log() * POPULARITY
    terms = []
    for place, user in enumerate(users.tolist()):
        logits = torch.nn.functional.normalize(ids, dim=1) @ vectors[place] / TEMPERATURE + odds
        terms += [-torch.log_softmax(logits, 0)[friend] for friend in friends[user]]
    expected = torch.stack(terms).mean()
    got = Friends.of(snapshot).loss(users, vectors, ids, TEMPERATURE, POPULARITY)
    torch.testing.assert_close(got, expected)
    for mine, theirs in zip(
        torch.autograd.grad(got, (vectors, ids)), torch.autograd.grad(expected, (vectors, ids)), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_asked_is_who_has_friends_and_no_more_than_the_pairs_allow(snapshot):
    friends, everyone, rng = Friends.of(snapshot), np.arange(7), np.random.default_rng(0)
    assert friends.asked(everyone, 10_000, rng).tolist() == [0, 1, 2, 3, 4, 5]
    assert friends.asked(np.array([2, 4, 6]), 10_000, rng).tolist() == [2, 4]
    drawn = np.array([friends.asked(everyone, 3 * 7, rng) for _ in range(100)])
    assert drawn.shape == (100, 3)
    assert (np.diff(drawn) > 0).all()
    assert np.bincount(drawn.ravel(), minlength=7)[:6].min() > 20
    assert 6 not in drawn
    assert len(friends.asked(everyone, 1, rng)) == 1


@pytest.mark.parametrize("users", [[], [6]])
def test_nobody_to_ask_costs_nothing(snapshot, users):
    ids = torch.randn(7, 4, requires_grad=True)
    loss = Friends.of(snapshot).loss(np.array(users, dtype=np.int64), ids[users], ids, TEMPERATURE, POPULARITY)
    (slope,) = torch.autograd.grad(loss, ids)
    assert float(loss.detach()) == 0.0
    assert not slope.any()


def test_a_step_adds_the_weighted_loss_of_who_is_asked(snapshot, monkeypatch):
    """Its loss without, plus 0.3 times that of friends at the same start; of all with friends, or of a draw."""

    still = GnnConfig(dim=8, heads=2, layers=1, temperature=0.3, popularity=0.5, edge_dropout=0.0, lr=1e-9)

    def step(weight: float) -> tuple[float, Trainer]:
        run = make_trainer(still.model_copy(update={"friends": weight}), snapshot)
        run.precision = torch.float32
        return run.step(np.arange(7)), run

    asked: list[list[int]] = []
    loss = Friends.loss

    def spied(self: Friends, users: Any, *rest: Any) -> Any:
        asked.append(users.tolist())
        return loss(self, users, *rest)

    monkeypatch.setattr(Friends, "loss", spied)
    (alone, run), (both, _) = step(0.0), step(0.3)
    assert asked == [[0, 1, 2, 3, 4, 5]]
    vectors, _, _ = run.embed()
    ids = run.network.embeddings["User"].detach()
    known = Friends.of(snapshot).loss(np.arange(6), vectors[:6], ids, 0.3, 0.5)
    assert both - alone == pytest.approx(0.3 * float(known), rel=1e-4)
    assert float(known) > 0.5
    monkeypatch.setattr(batches, "RECIPE", RECIPE.model_copy(update={"step_pairs": 2 * 7}))
    step(0.3)
    assert len(asked[-1]) == 2


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_processes_add_up_to_the_same_loss_though_one_may_have_nobody_to_ask(snapshot, monkeypatch, ranks):
    torch.manual_seed(0)
    vectors, ids = torch.nn.functional.normalize(torch.randn(7, 4), dim=1), torch.randn(7, 4)
    friends, asked = Friends.of(snapshot), np.array([0, 2, 4])
    whole = friends.loss(asked, vectors[asked], ids, TEMPERATURE, POPULARITY)
    parts = [np.intersect1d(asked, np.arange(7)[rank::ranks]) for rank in range(ranks)]
    monkeypatch.setattr(processes, "count", lambda: ranks)
    monkeypatch.setattr(processes, "added_up", lambda _: float(friends.count[asked].sum()))
    found = [friends.loss(part, vectors[part], ids, TEMPERATURE, POPULARITY) for part in parts]
    assert float(sum(found)) / ranks == pytest.approx(float(whole), rel=1e-5)


@pytest.mark.parametrize(("weight", "told"), [(0.0, False), (1.0, True)])
def test_friends_speak_for_who_watched_nothing_even_where_no_message_passes(weight, told):
    """Two more users know the even and the odd ones; without messages and features an id is all there is of them."""
    size = checkerboard.SIZE
    follows = [*checkerboard.follow_pairs(), *((size + user % 2, user) for user in range(size))]
    model = GraphNetwork(dim=16, heads=2, layers=0, init="random", friends=weight, epochs=60)
    snapshot = odd(checkerboard.watched_pairs(), follows, size + 2)
    scores = model.fit(snapshot).scores(np.array([size, size + 1]))[:, :size]
    even = np.arange(size) % 2 == 0
    ahead = [scores[0, even].min() > scores[0, ~even].max(), scores[1, ~even].min() > scores[1, even].max()]
    assert all(ahead) == told
