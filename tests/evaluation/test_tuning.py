"""``entourage tune``."""

from __future__ import annotations

import json

import pytest

from cli.tune import tune
from gnn.recommender import LightSoftmax
from graph.errors import SettingsError
from ranking import registry
from tests import checkerboard


@pytest.fixture
def folder(tmp_path):
    """With a snapshot in it."""
    checkerboard.snapshot().save(tmp_path / "snapshot")
    return tmp_path


def test_it_adds_to_its_file_what_evaluate_reads(folder, capsys):
    (folder / "tuned.json").write_text('{"ease": {"friends": 0.0}}')
    tune("item-knn", trials=3, snapshot=folder / "snapshot", out=folder / "tuned.json")
    written = json.loads((folder / "tuned.json").read_text())
    assert set(written) == {"ease", "item-knn"}
    registry.make("item-knn", **written["item-knn"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "evaluate --models item-knn" in printed
    assert "Tried 3 settings" in printed


def test_the_same_seed_finds_the_same_settings(folder):
    for name in ("first", "again"):
        tune("friends-items", seed=2, snapshot=folder / "snapshot", out=folder / name)
    assert (folder / "first").read_text() == (folder / "again").read_text()


def test_a_network_is_tuned_like_any_other_and_its_settings_are_read_back(folder, monkeypatch):
    monkeypatch.setattr(LightSoftmax, "space", {"temperature": (0.2, 0.3)})
    tune("light-softmax", trials=2, snapshot=folder / "snapshot", out=folder / "tuned.json")
    settings = json.loads((folder / "tuned.json").read_text())["light-softmax"]
    model = registry.make("light-softmax", **settings)
    assert isinstance(model, LightSoftmax)
    assert model.settings == settings


@pytest.mark.parametrize(("model", "said"), [("pagerank", "pagerank"), ("pipeline", "has no settings to search")])
def test_what_cannot_be_tuned_is_refused_before_anything_is_read(tmp_path, model, said):
    with pytest.raises(SettingsError, match=said):
        tune(model, snapshot=tmp_path / "nowhere", out=tmp_path / "tuned.json")


def test_a_file_of_something_else_is_refused_and_kept(folder):
    (folder / "notes.json").write_text("[1]")
    with pytest.raises(SettingsError, match=r"notes\.json"):
        tune("item-knn", trials=1, snapshot=folder / "snapshot", out=folder / "notes.json")
    assert (folder / "notes.json").read_text() == "[1]"
