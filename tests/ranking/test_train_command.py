from __future__ import annotations

import json

import pytest

from cli import train as train_command
from cli.train import train
from gnn.trainer import Trainer
from graph.errors import SettingsError, SnapshotError
from ranking import registry
from recommenders.core.effort import Cap, Effort
from recommenders.knn import ItemKnn
from tests import checkerboard


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with the checkerboard exported into it."""
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path))
    checkerboard.snapshot().save(tmp_path / "snapshot")
    return tmp_path


@pytest.mark.parametrize("name", ["item-knn", "ease", "pipeline"])
def test_trains_saves_and_says_what_to_run_next(home, name, capsys):
    train(model=name, effort=Effort.QUICK)
    printed = capsys.readouterr().out
    assert f"Trained {name}" in printed
    assert "entourage recommend" in printed
    assert [file.name for file in (home / "models").iterdir()] == [name]
    assert "budget" not in printed
    if name == "pipeline":
        assert "NDCG@20" in printed
    loaded = registry.kind(name).load(home / "models" / name, checkerboard.snapshot())
    assert loaded.recommend(3, 1)[0].tolist() == [3]


def test_a_job_reads_its_log_as_json_lines(home, capsys):
    train(model="item-knn", effort=Effort.QUICK, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in (lines[0], lines[-1])] == ["training", "trained"]
    assert {line["event"] for line in lines[1:-1]} == {"progress"}
    assert lines[0]["WATCHED"] == len(checkerboard.watched_pairs())
    assert lines[-1]["path"] == str(home / "models" / "item-knn")
    assert lines[-1]["capped"] is False


def test_a_network_whose_training_was_broken_off_goes_on(home, monkeypatch):
    from gnn import fitting

    epochs = 0

    def counted(trainer: Trainer) -> float:
        nonlocal epochs
        epochs += 1
        if epochs == 10:
            raise KeyboardInterrupt
        return epoch(trainer)

    epoch = Trainer.epoch
    monkeypatch.setattr(Trainer, "epoch", counted)
    monkeypatch.setattr(fitting, "_CHECKPOINT_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(model="light-softmax", setting=["dim=16", "max_epochs=15"])
    assert [file.name for file in (home / "models").iterdir()] == ["light-softmax.checkpoint"]
    resumed: list[int] = []
    restore = Trainer.restore

    def noted(trainer, state):
        resumed.append(1)
        return restore(trainer, state)

    monkeypatch.setattr(Trainer, "restore", noted)
    train(model="light-softmax", setting=["dim=16", "max_epochs=15"])
    assert resumed == [1]
    assert [file.name for file in (home / "models").iterdir()] == ["light-softmax"]


def test_without_a_snapshot_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path))
    with pytest.raises(SnapshotError, match="export"):
        train(model="popularity")


def test_settings_are_taken_from_a_file_and_from_the_command_line(home):
    (home / "tuned.json").write_text('{"item-knn": {"neighbours": 7, "weighting": "bm25"}, "ease": {"friends": 0.0}}')
    train(model="item-knn", settings_file=home / "tuned.json", setting=["weighting=none", "shrink=5"])
    model = registry.kind("item-knn").load(home / "models/item-knn", checkerboard.snapshot())
    assert isinstance(model, ItemKnn)
    assert (model.neighbours, model.weighting, model.shrink) == (7, "none", 5)


@pytest.mark.parametrize("name", ["gat", "pipeline"])
def test_a_budget_that_was_reached_is_said_and_stands_in_the_manifest(home, name, capsys):
    train(model=name, effort=Effort.QUICK, budget=1e-9)
    printed = " ".join(capsys.readouterr().out.split())
    assert "The budget of 1e-09 minutes was reached" in printed
    manifest = json.loads((home / "models" / name / "manifest.json").read_text())
    assert manifest.get("capped", manifest["metrics"].get("capped")) is True


def test_without_a_budget_a_run_says_that_the_one_it_continues_reached_its_own(home, monkeypatch, capsys):
    class Continued(Cap):
        def __init__(self, minutes=None):
            super().__init__(minutes)
            self.hit = True

    monkeypatch.setattr(train_command, "Cap", Continued)
    train(model="popularity")
    printed = " ".join(capsys.readouterr().out.split())
    assert "The budget was reached, by this run or by a killed one that it continues." in printed


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("ease", "lambda=3"),
        ("ease", "regularisation"),
        ("ease", "regularisation=much"),
        ("item-knn", "weighting=7"),
        ("gat", "layers=many"),
        ("pipeline", "layers=2"),
        ("gat", "convolution=sage"),
    ],
)
def test_settings_that_cannot_be_are_refused(home, model, setting):
    with pytest.raises(SettingsError):
        train(model=model, setting=[setting])
    assert not (home / "models").exists()


@pytest.mark.parametrize("options", [{"model": "magic"}, {"budget": 0.0}, {"device": "tpu"}])
def test_refuses_what_it_does_not_know(home, options):
    with pytest.raises(SettingsError):
        train(**options)
