"""Training as a user meets it: seeds, kills, artifacts, newcomers, and nothing heavy imported for serving."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch

from gnn import batches, fitting, validation
from gnn.config import GnnConfig
from gnn.recipe import RECIPE
from gnn.recommender import GatNetwork, GraphNetwork
from gnn.topology import Topology
from gnn.trainer import Trainer
from graph.errors import ModelError, SettingsError
from graph.snapshot import Nodes, Snapshot
from recommenders.core import effort
from recommenders.core.config import CORE
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import mean_ndcg
from tests import checkerboard
from tests.conformance import odd
from tests.killed import killed_at, told_to_the_end
from tests.networks import trained

SMALL = GnnConfig(dim=16, heads=2, layers=2)
EVERYONE = np.arange(checkerboard.SIZE)


@pytest.mark.parametrize("convolution", ["gat", "gatv2", "gcn", "graphconv", "sage", "light", "dense"])
def test_every_convolution_solves_the_checkerboard(convolution):
    config = SMALL.model_copy(update={"convolution": convolution})
    ids, _ = trained(config, checkerboard.snapshot(), epochs=40).recommend(EVERYONE, 1)
    assert ids[:, 0].tolist() == EVERYONE.tolist()


@pytest.mark.parametrize("loss", [{"sampled_items": 12}, {"loss": "bpr"}])
def test_other_losses_solve_the_checkerboard_too(loss):
    config = SMALL.model_copy(update={**loss, "steps_per_pass": 2})
    ids, _ = trained(config, checkerboard.snapshot(), epochs=40).recommend(EVERYONE, 1)
    assert ids[:, 0].tolist() == EVERYONE.tolist()


def test_contents_that_are_drawn_stand_for_all_of_them():
    graph = odd([(user, content) for user in range(20) for content in range(user)], [], 20)  # the last by nobody
    run = fitting.make_trainer(SMALL.model_copy(update={"sampled_items": 100}), graph)
    stood_for = np.zeros(20)
    for _ in range(3_000):
        negatives = run._sample.draw(run.batches.rng)
        assert negatives.ids is not None
        assert negatives.weight is not None
        np.add.at(stood_for, negatives.ids.numpy(), negatives.weight.numpy())
    np.testing.assert_allclose(stood_for / 3_000, 1.0, atol=0.05)


def test_decay_shrinks_ids_and_nothing_else():
    """With a rate of learning next to nothing, what moves is moved by decay alone."""
    config = SMALL.model_copy(update={"lr": 1e-4, "weight_decay": 1_000.0})
    run = fitting.make_trainer(config, checkerboard.snapshot())
    before = {name: weight.detach().clone() for name, weight in run.network.named_parameters()}
    run.step(EVERYONE)
    for name, weight in run.network.named_parameters():
        kept = 0.9 if name.startswith("embeddings") else 1.0
        torch.testing.assert_close(weight.detach(), kept * before[name], atol=3e-4, rtol=0)


def test_what_is_kept_is_the_running_average_of_the_weights():
    run = fitting.make_trainer(SMALL.model_copy(update={"ema": 0.5}), checkerboard.snapshot())
    expected = [weight.clone() for weight in run.average]
    for step in range(1, 5):
        run.step(EVERYONE)
        decay = min(0.5, (1 + step) / (10 + step))  # an average of few weights forgets its start quickly
        for mean, weight in zip(expected, run.parameters, strict=True):
            mean.mul_(decay).add_(weight.detach(), alpha=1 - decay)
    for average, mean in zip(run.average, expected, strict=True):
        torch.testing.assert_close(average, mean)
    averaged, _, _ = run.embed()
    run.average = [weight.detach().clone() for weight in run.parameters]
    assert not torch.allclose(averaged, run.embed()[0])


@pytest.mark.parametrize("convolution", ["gat", "gatv2", "sage", "light"])
def test_drawn_neighbours_solve_the_checkerboard_too(convolution):
    config = SMALL.model_copy(update={"neighbours": 3, "convolution": convolution})
    ids, _ = trained(config, checkerboard.snapshot(), epochs=60).recommend(EVERYONE, 1)
    assert ids[:, 0].tolist() == EVERYONE.tolist()


def test_an_epoch_of_too_many_steps_ends_early_and_the_next_goes_on_from_there(monkeypatch):
    monkeypatch.setattr(batches, "RECIPE", RECIPE.model_copy(update={"epoch_steps": 3}))
    run = fitting.make_trainer(SMALL.model_copy(update={"steps_per_pass": 5}), checkerboard.snapshot())
    turns: list[list[int]] = []

    def step(users):
        turns.append(users.tolist())
        run.steps += 1
        return 0.0

    monkeypatch.setattr(run, "step", step)
    run.epoch()
    assert len(turns) == 3
    for _ in range(4):
        run.epoch()
    passes = [sorted(user for turn in turns[start : start + 5] for user in turn) for start in (0, 5, 10)]
    assert passes == [EVERYONE.tolist()] * 3
    assert turns[:5] != turns[5:10]


def test_a_step_leaves_out_users_who_send_nothing_and_learns_the_same(monkeypatch):
    whole = checkerboard.snapshot()
    featured = whole.users.frame.with_columns(pl.Series("createdAt", np.arange(checkerboard.SIZE)))
    whole = Snapshot(whole.manifest, {**whole.nodes, "User": Nodes("User", featured, len(featured))}, whole.edges)
    config = GnnConfig(dim=16, heads=2, layers=1, neighbours=1, steps_per_pass=4, edge_dropout=0.5, cold=0.3)
    senders: list[int] = []

    def weights(between: Any) -> Any:
        run = fitting.make_trainer(config, whole)
        monkeypatch.setattr(run.topology, "between", between.__get__(run.topology))
        run.epoch()
        return run.parameters

    def counted(topology, users, relations):
        found = Topology.between(topology, users, relations)
        senders.append(len(found[0]))
        return found

    def everyone(topology, users, relations):
        return EVERYONE, relations

    for one, other in zip(weights(counted), weights(everyone), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert len(senders) == 4
    assert max(senders) < checkerboard.SIZE


def test_a_seed_gives_the_same_model_again():
    first, again = (trained(SMALL, checkerboard.snapshot(), epochs=5).scores(EVERYONE) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_validation_decides_when_to_stop():
    held_out = sp.csr_array((np.ones(20, dtype=np.float32), (EVERYONE, EVERYONE)), shape=(20, 20))
    model = trained(SMALL, checkerboard.snapshot(), validation=held_out)
    assert 1 <= model.best_epochs < SMALL.max_epochs
    assert model.artifact.manifest.metrics["validation_ndcg@10"] == pytest.approx(1.0)


@pytest.mark.parametrize(("steps_per_pass", "least"), [(1, 40), (8, 5)])
def test_validation_stops_nothing_before_forty_steps(steps_per_pass, least):
    held_out = sp.csr_array((np.ones(20, dtype=np.float32), (EVERYONE, EVERYONE)), shape=(20, 20))
    config = SMALL.model_copy(update={"patience": 1, "steps_per_pass": steps_per_pass})
    heard: list[str] = []
    trained(config, checkerboard.snapshot(), lambda _, what: heard.append(what), validation=held_out)
    assert least <= sum(what.startswith("epoch") for what in heard) < 2 * least


def test_what_stops_training_is_ndcg_as_a_naive_loop_has_it():
    rng = np.random.default_rng(3)
    users, contents = 12, 30
    seen, held_out = (sp.csr_array((rng.random((users, contents)) < share).astype(np.float32)) for share in (0.3, 0.2))
    held_out = sp.csr_array(held_out - held_out.multiply(seen))
    held_out.eliminate_zeros()
    of_users, of_contents = (torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32)) for n in (users, contents))
    bias = torch.from_numpy(rng.normal(size=contents).astype(np.float32))
    judged = np.flatnonzero(np.diff(held_out.indptr))[1:]
    figures = []
    for user in judged:
        scores = (of_users[user] @ of_contents.T + bias).numpy()
        order = [c for c in np.argsort(-scores) if not seen[[user]].toarray()[0, c]][:10]
        truth = set(np.flatnonzero(held_out[[user]].toarray()[0]).tolist())
        gained = sum(1 / np.log2(rank + 2) for rank, content in enumerate(order) if content in truth)
        figures.append(gained / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(truth)))))
    part = Holdout("some", checkerboard.snapshot(), held_out, judged)
    assert validation.ndcg_at_10(of_users, of_contents, bias, seen, part) == pytest.approx(np.mean(figures), rel=1e-5)


def test_popular_contents_are_likelier_from_the_start(tmp_path):
    """Scores are cosines plus what makes the odds before anything is known (1 + watchers) ** popularity."""
    watched = [(user, content) for user in range(8) for content in range(8) if content <= user]  # 8, 7, … watchers
    snapshot = odd(watched, [(0, 1)])
    model = trained(SMALL.model_copy(update={"popularity": 0.5}), snapshot, epochs=2)
    model.save(tmp_path / "model")
    found = GraphNetwork.load(tmp_path / "model", snapshot)
    vectors = found.artifact.embeddings
    above = found.scores(np.arange(8)) - np.asarray(vectors.users) @ np.asarray(vectors.contents).T
    odds = np.exp(above / model.config.temperature)
    np.testing.assert_allclose(odds / odds[:, :1], np.tile(np.sqrt(np.arange(9, 1, -1) / 9.0), (8, 1)), rtol=1e-4)
    assert not trained(SMALL.model_copy(update={"popularity": 0.0}), snapshot, epochs=2).artifact.embeddings.bias.any()


def test_training_and_judging_go_by_what_scores_say():
    """On a graph where popularity outweighs the cosines."""
    pairs = [(user, content) for user in range(8) for content in range(8) if content <= user]
    held_out = sp.csr_array((np.ones(7, dtype=np.float32), (range(7), range(1, 8))), shape=(8, 8))
    snapshot, config = odd(pairs, []), SMALL.model_copy(update={"popularity": 2.0, "edge_dropout": 0.0})
    run = fitting.make_trainer(config, snapshot)
    run.precision = torch.float32
    with torch.no_grad():
        users, contents = run.network([run.topology.whole] * config.layers)
        logits = (users @ contents.T + run.bias) / config.temperature
    expected = -np.mean([float(torch.log_softmax(logits[user], 0)[content]) for user, content in pairs])
    assert run.step(np.arange(8)) == pytest.approx(expected, rel=1e-4)
    model = trained(config, snapshot, validation=held_out)
    ids, _ = model.recommend(np.arange(7), 10)
    told = model.artifact.manifest.metrics["validation_ndcg@10"]
    assert told == pytest.approx(mean_ndcg(ids, sp.csr_array(held_out[:7]), 10))


def test_a_budget_ends_training():
    heard: list[tuple[float, str]] = []
    model = trained(SMALL, checkerboard.snapshot(), lambda *said: heard.append(said), epochs=100_000, budget_s=0.5)
    assert model.best_epochs < 100_000
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    assert "loss" in heard[-1][1]


def test_an_epoch_that_takes_more_than_all_the_time_leaves_none():
    heard: list[str] = []
    trained(SMALL, checkerboard.snapshot(), lambda _, what: heard.append(what), epochs=5, budget_s=1e-6)
    epochs = [what for what in heard if what.startswith("epoch")]
    assert [what.split(",")[0] for what in epochs] == ["epoch 1 of at most 5"]


_RUN = """
import sys
import time
from pathlib import Path
from gnn.config import GnnConfig
from gnn import fitting
from recommenders.core import effort
from tests import checkerboard
from tests.networks import trained
fitting._CHECKPOINT_EVERY_S, fitting._CHECKPOINT_SHARE = 0.0, float("inf")
fitting._Run.epochs_per_validation = 1
def said(share, what):
    print(what, flush=True)
    if what.startswith(sys.argv[3]):
        time.sleep(100)
config, epochs = GnnConfig(dim=16, heads=2, layers=2), 60
graph = checkerboard.snapshot(timed=sys.argv[2] == "small")
if sys.argv[2] == "large":
    effort.CORE, epochs = effort.CORE.model_copy(update={"large_links": 10}), None
    config = GnnConfig(dim=16, heads=2, layers=2, max_epochs=40, init="random", lr=0.005)
model = trained(config, graph, said, epochs=epochs, checkpoint=Path(sys.argv[1]) / "c")
model.save(Path(sys.argv[1]) / "model")
"""


def resumed_after(line: str, folder: Path, size: str) -> tuple[list[str], GraphNetwork]:
    """What a training says that was killed when it said ``line`` and started again, and its model."""
    killed_at(line, _RUN, folder, size)
    assert list((folder / "c").glob("*.pt"))
    return told_to_the_end(_RUN, folder, size), GraphNetwork.load(folder / "model", checkerboard.snapshot())


def test_killed_training_goes_on_to_the_same_end(tmp_path):
    said, resumed = resumed_after("epoch 20 ", tmp_path, "small")
    assert said[0].startswith("epoch 20 ")
    straight = trained(SMALL, checkerboard.snapshot(timed=True), epochs=60)
    np.testing.assert_allclose(resumed.scores(EVERYONE), straight.scores(EVERYONE), atol=1e-5)


def test_killed_training_on_a_large_graph_goes_on_to_the_same_end(tmp_path, monkeypatch):
    said, resumed = resumed_after("epoch 2 ", tmp_path, "large")
    assert said[0].startswith("epoch 2 ")
    monkeypatch.setattr(effort, "CORE", CORE.model_copy(update={"large_links": 10}))
    monkeypatch.setattr(fitting._Run, "epochs_per_validation", 1)
    config = SMALL.model_copy(update={"max_epochs": 40, "init": "random", "lr": 0.005})
    straight = trained(config, checkerboard.snapshot())
    np.testing.assert_allclose(resumed.scores(EVERYONE), straight.scores(EVERYONE), atol=1e-5)


def test_a_training_killed_before_its_model_was_saved_has_nothing_left_to_learn(tmp_path):
    first = trained(SMALL, checkerboard.snapshot(), epochs=5, checkpoint=tmp_path / "c")
    heard: list[str] = []
    again = trained(
        SMALL, checkerboard.snapshot(), lambda _, what: heard.append(what), epochs=5, checkpoint=tmp_path / "c"
    )
    assert heard == []
    np.testing.assert_array_equal(again.scores(EVERYONE), first.scores(EVERYONE))


@pytest.mark.parametrize("file", ["users.npy", "contents.npy", "weights.safetensors", "links.json", "manifest.json"])
def test_a_file_cut_short_is_told(tmp_path, file):
    trained(SMALL, checkerboard.snapshot(), epochs=1).save(tmp_path / "model")
    damaged = tmp_path / "model" / file
    os.truncate(damaged, damaged.stat().st_size // 2)
    with pytest.raises(ModelError, match="damaged"):
        GraphNetwork.load(tmp_path / "model", checkerboard.snapshot())


def test_a_large_graph_gets_a_smaller_network_unless_its_size_was_chosen(monkeypatch):
    monkeypatch.setattr(effort, "CORE", CORE.model_copy(update={"large_links": 10}))
    for config, dim in ((GnnConfig(device="cpu", seed=1), 64), (GnnConfig(dim=32), 32)):
        model = trained(config, checkerboard.snapshot(), epochs=1)
        used = model.artifact.manifest.config
        assert used.dim == model.artifact.embeddings.users.shape[1] == dim
        assert used.neighbours == 10


def test_a_large_graph_is_learned_from_whole_in_the_end(monkeypatch):
    monkeypatch.setattr(effort, "CORE", CORE.model_copy(update={"large_links": 10}))
    heard: list[str] = []
    model = trained(GnnConfig(seed=1, max_epochs=40), checkerboard.snapshot(), lambda share, what: heard.append(what))
    searched = [what for what in heard if what.startswith("finding when to stop")]
    assert 0 < len(heard) - len(searched) <= 20
    assert model.best_epochs > len(heard) - len(searched)
    ids, _ = model.recommend(EVERYONE, 1)
    assert (ids[:, 0] == EVERYONE).mean() > 0.9


def test_a_large_graph_is_learned_from_whole_by_going_on_from_what_a_part_taught(monkeypatch):
    monkeypatch.setattr(effort, "CORE", CORE.model_copy(update={"large_links": 10}))
    whole = checkerboard.snapshot()
    part = whole.with_edges(whole.watched.keep(np.arange(len(whole.watched)) % 5 > 0))
    config = SMALL.model_copy(update={"max_epochs": 40})
    first = trained(config, part, epochs=40)
    heard: list[str] = []
    again = trained(config, whole, lambda _, what: heard.append(what), epochs=40, start=first)
    assert len(heard) == 20
    assert again.best_epochs == 60
    ids, _ = again.recommend(EVERYONE, 1)
    assert ids[:, 0].tolist() == EVERYONE.tolist()
    other = trained(config.model_copy(update={"dim": 8}), whole, epochs=3, start=first)
    assert other.best_epochs == 3  # of another shape, so it had to begin anew


@pytest.mark.parametrize("resumed", [False, True])
def test_going_on_from_the_best_epoch_takes_the_optimisers_state_of_that_epoch(tmp_path, monkeypatch, resumed):
    """The second of six judged epochs is the best; how many steps Adam has counted tells which state it is in."""
    monkeypatch.setattr(effort, "CORE", CORE.model_copy(update={"large_links": 10}))
    monkeypatch.setattr(fitting._Run, "epochs_per_validation", 1)
    figures = iter([0.1, 0.5, 0.2, 0.2, 0.2, 0.2])
    monkeypatch.setattr(fitting, "ndcg_at_10", lambda *_: next(figures))
    counted: list[tuple[int, float]] = []
    begin_with = Trainer.begin_with

    def begun(self, weights, epochs, optimiser=None):
        begin_with(self, weights, epochs, optimiser)
        states = self.optimiser.state_dict()["state"].values()
        counted.append((epochs * self.batches.steps_per_epoch, max(float(state["step"]) for state in states)))
        if resumed and len(counted) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "begin_with", begun)
    config = SMALL.model_copy(update={"steps_per_pass": 3, "max_epochs": 6})
    try:
        trained(config, checkerboard.snapshot(), checkpoint=tmp_path / "c")
    except KeyboardInterrupt:
        trained(config, checkerboard.snapshot(), checkpoint=tmp_path / "c")
    assert counted == [(6, 6.0)] * (1 + resumed)


@pytest.mark.parametrize(("option", "value"), [("seed", 3), ("device", "cpu")])
def test_options_of_a_fit_are_no_settings(option, value):
    with pytest.raises(SettingsError, match=f"entourage train --{option}"):
        GatNetwork.make(**{option: value})
    with pytest.raises(SettingsError) as refused:
        GatNetwork.make(width=3)
    assert option not in refused.value.do.split(": ")[1].split(", ")


def test_serving_never_loads_torch(tmp_path):
    trained(SMALL, checkerboard.snapshot(), epochs=1).save(tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; import gnn.embeddings; from gnn.recommender import GraphNetwork;"
        "from tests import checkerboard;"
        f"GraphNetwork.load(Path({str(tmp_path / 'model')!r}), checkerboard.snapshot()).recommend(0, 3);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
