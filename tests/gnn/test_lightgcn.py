"""LightGCN as published: PyG's propagation and loss, start, and negatives, each against a naive computation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from gnn import lightgcn_training, sweeps
from gnn.lightgcn import LightGcn
from gnn.lightgcn_training import Schedule, Trained, bpr, lightgcn, normalised, train, unwatched
from gnn.recipe import RECIPE
from graph.errors import SettingsError
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from tests import checkerboard
from tests.conformance import RecommenderConformance, odd

USERS, CONTENTS = 30, 20

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # PyG's import


class TestLightGcn(RecommenderConformance):
    make = LightGcn


@pytest.fixture
def watched() -> sp.csr_array:
    dense = (np.random.default_rng(0).random((USERS, CONTENTS)) < 0.2).astype(np.float32)
    dense[0], dense[:, 0] = 0.0, 0.0  # nobody's content, and a user without watches
    return sp.csr_array(dense)


def pyg(watched: sp.csr_array, dim: int, layers: int, seed: int) -> tuple[Any, torch.Tensor]:
    """PyG's own model and the edges of both directions for it."""
    from torch_geometric.nn import LightGCN

    torch.manual_seed(seed)
    user, content = (torch.from_numpy(ends.astype(np.int64)) for ends in watched.nonzero())
    edges = torch.stack([torch.cat([user, content + USERS]), torch.cat([content + USERS, user])])
    return LightGCN(USERS + CONTENTS, dim, layers), edges


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_vectors_loss_and_gradient_are_those_of_pyg(watched, layers):
    theirs, edges = pyg(watched, 8, layers, seed=4)
    ours = lightgcn(USERS + CONTENTS, 8, layers, seed=4)
    relation, weight = normalised(watched)
    vectors, expected = ours.get_embedding(relation, weight), theirs.get_embedding(edges)
    torch.testing.assert_close(vectors, expected)
    pairs = np.stack(watched.nonzero()).astype(np.int64)
    negatives = unwatched(watched, pairs, np.random.default_rng(1))
    user, positive, negative = (torch.from_numpy(ids) for ids in (pairs[0], pairs[1] + USERS, negatives + USERS))
    above, below = ((expected[user] * expected[other]).sum(1) for other in (positive, negative))
    squares = theirs.embedding.weight[torch.cat([user, positive, negative])].pow(2).sum()
    naive = -torch.log(torch.sigmoid(above - below)).mean() + 0.01 * squares / 2 / len(user)
    got = bpr(ours, relation, weight, pairs, negatives, USERS, 0.01)
    torch.testing.assert_close(got, naive)
    (mine,), (right,) = (
        torch.autograd.grad(loss, list(model.parameters())) for loss, model in ((got, ours), (naive, theirs))
    )
    torch.testing.assert_close(mine, right)


def test_negatives_are_not_watched_and_all_others_are_drawn(watched):
    pairs = np.stack(watched.nonzero()).astype(np.int64)
    rng, counts = np.random.default_rng(0), np.zeros((USERS, CONTENTS))
    for _ in range(200):
        np.add.at(counts, (pairs[0], unwatched(watched, pairs, rng)), 1)
    dense = watched.toarray() > 0
    assert not counts[dense].any()
    assert counts[~dense & dense.any(axis=1, keepdims=True)].all()
    everything = sp.csr_array(np.ones((2, 3), dtype=np.float32))  # somebody watched everything
    assert unwatched(everything, np.stack(everything.nonzero()).astype(np.int64), rng).shape == (6,)


def test_the_best_epoch_is_kept_and_training_stops_after_the_patience(watched):
    figures = iter([0.1, 0.3, 0.2, 0.2, 0.2])
    seen: list[np.ndarray] = []

    def validate(users: np.ndarray, contents: np.ndarray) -> float:
        seen.append(users)
        return next(figures)

    def run(schedule: Schedule, validate: Any = None) -> Trained:
        return train(
            watched,
            dim=8,
            layers=2,
            rate=0.01,
            regularisation=1e-4,
            batch=16,
            seed=0,
            schedule=schedule,
            validate=validate,
        )

    trained = run(Schedule(99, patience=2, every=3), validate)
    assert trained.epochs == 6
    assert len(seen) == 4
    np.testing.assert_array_equal(trained.users, seen[1])
    straight = run(Schedule(6))
    np.testing.assert_array_equal(straight.users, trained.users)
    np.testing.assert_array_equal(straight.contents, trained.contents)


def test_an_epoch_goes_over_every_watch_once(watched, monkeypatch):
    users: list[int] = []
    loss = bpr

    def spied(model, relation, weight, pairs, negatives, *rest):
        users.extend((pairs[0] * CONTENTS + pairs[1]).tolist())
        return loss(model, relation, weight, pairs, negatives, *rest)

    monkeypatch.setattr(lightgcn_training, "bpr", spied)
    train(
        watched,
        dim=8,
        layers=1,
        rate=0.01,
        regularisation=0.0,
        batch=16,
        seed=0,
        schedule=Schedule(1),
    )
    rows, columns = watched.nonzero()
    assert sorted(users) == sorted((rows * CONTENTS + columns).tolist())


def test_the_same_seed_gives_the_same_bytes_and_the_manifest_says_threads_and_precision(tmp_path):
    files = []
    for folder in (tmp_path / "first", tmp_path / "again"):
        LightGcn(epochs=5).fit(checkerboard.snapshot()).save(folder)
        files.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert files[0] == files[1]
    manifest = json.loads(files[0]["manifest.json"])
    assert (manifest["threads"], manifest["precision"]) == (sweeps.threads(), "float32")
    assert manifest["recipe"]["lightgcn_redraws"] == RECIPE.lightgcn_redraws


def test_threads_are_a_setting(tmp_path):
    LightGcn(epochs=1, threads=1).fit(checkerboard.snapshot()).save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["threads"] == 1
    with pytest.raises(SettingsError, match="threads"):
        LightGcn.make(threads=-1)


def test_a_pass_over_many_watches_takes_larger_steps(monkeypatch):
    batches: list[int] = []
    training = lightgcn_training.train

    def spied(watched: Any, **settings: Any) -> Trained:
        batches.append(settings["batch"])
        return training(watched, **settings)

    monkeypatch.setattr(lightgcn_training, "train", spied)
    LightGcn(epochs=1).fit(checkerboard.snapshot())
    LightGcn(epochs=1, batch=2, most_steps=3).fit(checkerboard.snapshot())  # 180 watches
    assert batches == [2_048, 60]


def test_a_part_that_judges_nobody_leaves_the_epochs_to_the_recipe():
    """As in a search where every user has two watches."""
    few = odd([(user, (user + step) % 8) for user in range(8) for step in range(2)], [])
    part = validation(few)
    assert not len(part.users)
    model = LightGcn().fit(part.train, FitOptions(validation=part))
    assert model.fitted_settings == {"epochs": RECIPE.lightgcn_blind_epochs}
