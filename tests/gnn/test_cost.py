"""What an epoch is estimated to cost, and how many there are, from sizes alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnn.config import SMALLER, GnnConfig
from gnn.cost import epoch_cost, sized, smaller
from gnn.fitting import make_trainer
from gnn.friend_loss import Friends
from gnn.recipe import RECIPE
from graph.snapshot import Snapshot
from recommenders.core.config import CORE


def network(users: int, contents: int) -> Snapshot:
    """Each user watched one content and follows the next user."""
    numbers = list(range(users))
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": [f"u{n}" for n in numbers]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(contents)]}),
        },
        {
            "WATCHED": pl.DataFrame({"source": numbers, "target": [n % contents for n in numbers]}),
            "FOLLOWS": pl.DataFrame({"source": numbers, "target": [(n + 1) % users for n in numbers]}),
        },
    )


def test_friends_cost_what_a_step_compares_however_many_users_there_are():
    few, many = (network(users, 84) for users in (20_000, 60_000))
    for snapshot in (few, many):
        asked = Friends.of(snapshot).asked(np.arange(snapshot.users.count), RECIPE.step_pairs, np.random.default_rng(0))
        assert 0.9 * RECIPE.step_pairs < len(asked) * snapshot.users.count <= RECIPE.step_pairs
    one, other = (epoch_cost(GnnConfig(), s) - epoch_cost(GnnConfig(friends=0.0), s) for s in (few, many))
    assert one == pytest.approx(other)


@pytest.mark.parametrize(("contents", "steps"), [(84, 1), (50_000, 4)])
def test_a_large_graph_trains_for_as_many_steps_with_few_contents_as_with_many(contents, steps, monkeypatch):
    monkeypatch.setattr("recommenders.core.effort.CORE", CORE.model_copy(update={"large_links": 10}))
    snapshot = network(20_000, contents)
    config = sized(GnnConfig(dim=8, heads=1), snapshot)
    assert make_trainer(config, snapshot).batches.steps_per_epoch == steps
    assert 0 <= config.max_epochs * steps - SMALLER["max_epochs"] * RECIPE.epoch_steps < steps
    assert 0 <= config.patience * steps - SMALLER["patience"] * RECIPE.epoch_steps < steps
    assert sized(GnnConfig(max_epochs=7), snapshot).max_epochs == 7


def test_with_many_contents_the_epochs_of_a_large_graph_are_those_of_its_configuration():
    assert smaller(network(20_000, 500_000)) == SMALLER
