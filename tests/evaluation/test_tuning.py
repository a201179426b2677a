from __future__ import annotations

import json

import pytest

from cli.tune import tune as command
from evaluation import tuning
from gnn.recommender import LightSoftmax
from graph.errors import SettingsError
from ranking import registry
from tests import checkerboard


def test_the_best_settings_are_at_least_as_good_as_the_defaults():
    found = tuning.tune("item-knn", checkerboard.snapshot(), trials=6, k=5)
    assert found.best.score >= found.default.score
    assert found.default in found.trials
    assert [trial.score for trial in found.trials] == sorted((t.score for t in found.trials), reverse=True)
    assert set(found.best.settings) <= set(tuning.space("item-knn"))


def test_the_same_seed_tries_the_same_settings():
    runs = [tuning.tune("item-knn", checkerboard.snapshot(), trials=4, seed=2).trials for _ in range(2)]
    assert runs[0] == runs[1]


def test_an_unknown_model_is_refused_before_anything_is_read():
    with pytest.raises(SettingsError, match="pagerank"):
        tuning.tune("pagerank", checkerboard.snapshot())


def test_the_command_adds_to_its_file_what_evaluate_reads(tmp_path, capsys):
    checkerboard.snapshot().save(tmp_path / "snapshot")
    (tmp_path / "tuned.json").write_text('{"ease": {"friends": 0.0}}')
    command("item-knn", trials=3, snapshot=tmp_path / "snapshot", out=tmp_path / "tuned.json")
    written = json.loads((tmp_path / "tuned.json").read_text())
    assert set(written) == {"ease", "item-knn"}
    assert "evaluate --models item-knn" in " ".join(capsys.readouterr().out.split())


def test_a_file_of_something_else_is_refused_and_kept(tmp_path):
    checkerboard.snapshot().save(tmp_path / "snapshot")
    (tmp_path / "notes.json").write_text("[1]")
    with pytest.raises(SettingsError, match=r"notes\.json"):
        command("item-knn", trials=1, snapshot=tmp_path / "snapshot", out=tmp_path / "notes.json")
    assert (tmp_path / "notes.json").read_text() == "[1]"


def test_a_network_is_tuned_like_any_other_and_its_settings_are_read_back():
    found = tuning.tune("light-softmax", checkerboard.snapshot(), trials=2, k=5)
    assert len(found.trials) == 2
    tried = next(trial for trial in found.trials if trial.settings)
    model = registry.make("light-softmax", **tried.settings)
    assert isinstance(model, LightSoftmax)
    assert model.config.convolution == "light"
    assert model.config.layers == tried.settings["layers"]


def test_a_network_cannot_be_made_with_settings_it_does_not_know():
    with pytest.raises(SettingsError, match="no option 'depth'"):
        registry.make("light-softmax", depth=3)
    with pytest.raises(SettingsError, match="temperature = -1"):
        registry.make("gnn", temperature=-1)
    with pytest.raises(SettingsError, match="declares no settings"):
        tuning.space("gat")
