"""The same seed gives the same bytes, however fast the clock runs and whatever order threads finish in."""

from __future__ import annotations

import json
import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gnn import sweeps
from gnn.artifact import TIMING
from gnn.config import GnnConfig
from gnn.recipe import RECIPE
from gnn.recommender import GraphNetwork
from gnn.reproducible import reproducible
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY
from recommenders.core.config import CORE
from tests.networks import trained

SMALL = GnnConfig(dim=16, heads=2, layers=2, max_epochs=60, patience=3)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """200 users and 150 contents, enough for several blocks of threads, with times and follows."""
    rng = np.random.default_rng(0)
    watched = np.unique(np.stack([rng.integers(0, 200, 6_000), (150 * rng.random(6_000) ** 2).astype(int)], 1), axis=0)
    follows = np.unique(rng.integers(0, 200, (1_000, 2)), axis=0)
    follows = follows[follows[:, 0] != follows[:, 1]]
    nodes = {
        "User": pl.DataFrame({"userId": [f"u{n}" for n in range(200)], "createdAt": rng.integers(0, 90, 200) * DAY}),
        "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(150)]}),
    }

    def edges(pairs: np.ndarray, time_column: str) -> pl.DataFrame:
        days = rng.integers(0, 90, len(pairs)) * DAY
        return pl.DataFrame({"source": pairs[:, 0], "target": pairs[:, 1], time_column: days})

    return Snapshot.build(nodes, {"WATCHED": edges(watched, "lastAt"), "FOLLOWS": edges(follows, "since")})


def saved(folder: Path, snapshot: Snapshot, config: GnnConfig, **options: Any) -> dict[str, bytes]:
    """The bytes of every file that a training leaves, but for the seconds it took."""
    trained(config, snapshot, **options).save(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != TIMING}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("changes", [{}, {"loss": "bpr"}, {"sampled_items": 40}])
def test_a_clock_that_runs_a_hundred_times_faster_and_jumps_changes_no_byte(
    tmp_path, monkeypatch, snapshot, changes, large
):
    if large:
        monkeypatch.setattr("recommenders.core.effort.CORE", CORE.model_copy(update={"large_links": 10}))
    config = SMALL.model_copy(update=changes)
    first = saved(tmp_path / "first", snapshot, config)
    clock, rng = time.monotonic, np.random.default_rng()
    jumps = accumulate(iter(lambda: rng.exponential(10.0), None))
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 * clock() + next(jumps))
    assert saved(tmp_path / "again", snapshot, config) == first
    assert not json.loads(first["manifest.json"])["capped"]


def test_a_training_that_its_time_cap_ended_says_so(tmp_path, snapshot):
    files = saved(tmp_path / "model", snapshot, SMALL, epochs=1_000_000, budget_s=1e-3)
    assert json.loads(files["manifest.json"])["capped"]
    assert GraphNetwork.load(tmp_path / "model", snapshot).artifact.manifest.capped


def test_a_time_cap_that_is_not_reached_changes_no_byte(tmp_path, snapshot):
    without = saved(tmp_path / "without", snapshot, SMALL, epochs=3)
    assert saved(tmp_path / "within", snapshot, SMALL, epochs=3, budget_s=1e6) == without


def test_the_manifest_says_how_many_threads_and_which_precision(tmp_path, snapshot):
    config = SMALL.model_copy(update={"threads": 1, "precision": "float32"})
    manifest = json.loads(saved(tmp_path / "model", snapshot, config, epochs=1)["manifest.json"])
    assert (manifest["threads"], manifest["precision"]) == (1, "float32")
    assert manifest["recipe"]["epoch_steps"] == 25
    assert manifest["recipe"]["message_s"] == RECIPE.message_s
    assert manifest["core"] == CORE.model_dump(mode="json")


def test_a_model_of_before_a_constant_was_in_the_recipe_is_read(tmp_path, snapshot):
    saved(tmp_path / "model", snapshot, SMALL, epochs=1)
    file = tmp_path / "model" / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["recipe"]["message_s"], manifest["core"]
    file.write_text(json.dumps(manifest))
    assert GraphNetwork.load(tmp_path / "model", snapshot).artifact.manifest.epochs == 1


def test_threads_and_determinism_end_with_the_training():
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with reproducible(1, torch.device("cpu")) as count:
        assert count == torch.get_num_threads() == sweeps.threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, deterministic)


def test_threads_cannot_be_negative():
    with pytest.raises(SettingsError, match="threads"):
        GraphNetwork(threads=-1)
