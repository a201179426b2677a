from __future__ import annotations

import pytest

from cli.train import train
from gnn.recommender import LightGcn
from gnn.training import Trainer
from graph.errors import SettingsError, SnapshotError
from ranking import registry
from tests import checkerboard


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with the checkerboard exported into it."""
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path))
    checkerboard.snapshot().save(tmp_path / "snapshot")
    return tmp_path


@pytest.mark.parametrize("name", ["item-knn", "ease", "gat"])
def test_trains_saves_and_says_what_to_run_next(home, name, capsys):
    train(model=name, budget=0.05 if name == "gat" else None)
    printed = capsys.readouterr().out
    assert f"Trained {name}" in printed
    assert "entourage recommend" in printed
    assert [file.name for file in (home / "models").iterdir()] == [name]
    if name == "gat":
        assert "NDCG@20" in printed
    loaded = registry.kind(name).load(home / "models" / name, checkerboard.snapshot())
    assert loaded.recommend(3, 1)[0].tolist() == [3]


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
    monkeypatch.setattr(LightGcn, "defaults", {"convolution": "lightgcn", "dim": 16, "max_epochs": 15})
    monkeypatch.setattr(fitting, "_CHECKPOINT_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(model="lightgcn")
    assert [file.name for file in (home / "models").iterdir()] == ["lightgcn.checkpoint"]
    resumed: list[int] = []
    restore = Trainer.restore

    def noted(trainer, state):
        resumed.append(1)
        return restore(trainer, state)

    monkeypatch.setattr(Trainer, "restore", noted)
    train(model="lightgcn")
    assert resumed == [1]
    assert [file.name for file in (home / "models").iterdir()] == ["lightgcn"]


def test_without_a_snapshot_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path))
    with pytest.raises(SnapshotError, match="export"):
        train(model="popularity")


@pytest.mark.parametrize("options", [{"model": "magic"}, {"budget": 0.0}, {"device": "tpu"}])
def test_refuses_what_it_does_not_know(home, options):
    with pytest.raises(SettingsError):
        train(**options)
