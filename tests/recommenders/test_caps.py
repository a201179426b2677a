"""What a limit in minutes does to a fit: which models stop for it, which run to their end, and that both say so."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gnn.lightgcn import LightGcn
from recommenders.core import effort
from recommenders.core.baseline import Baseline
from recommenders.core.config import CORE
from recommenders.core.effort import Cap
from recommenders.core.options import FitOptions
from recommenders.ease import Ease
from recommenders.factorisation import Als, Bpr
from recommenders.profile_network import ProfileNetwork
from recommenders.ratio_config import RATIO
from recommenders.track2vec import Track2Vec, Track2VecNetwork
from recommenders.watch_ratio import WatchRatio
from tests import checkerboard

EVERYONE = np.arange(checkerboard.SIZE)


class Clock:
    """Stands still but for a minute whenever a fit says that an epoch or an iteration is done."""

    now = 0.0

    def __init__(self) -> None:
        self.heard: list[str] = []

    def monotonic(self) -> float:
        return self.now

    def progress(self, share: float, what: str) -> None:
        if what.startswith(("epoch", "iteration", "step", "inverting")):
            self.heard.append(what)
            self.now += 60.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(effort, "time", SimpleNamespace(monotonic=found.monotonic))
    return found


def manifest_of(model: Baseline, folder: Path) -> dict[str, Any]:
    model.save(folder)
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


ITERATED = [
    pytest.param(lambda n: Als(factors=4, iterations=n), id="als"),
    pytest.param(lambda n: Bpr(factors=4, iterations=n), id="bpr"),
    pytest.param(lambda n: WatchRatio(epochs=n), id="watch-ratio"),
    pytest.param(lambda n: ProfileNetwork(components=4, epochs=n), id="profile-network"),
    pytest.param(lambda n: LightGcn(dim=4, epochs=n), id="lightgcn"),
]
"""Models whose epochs do not depend on how many there are; a function of their number makes them."""


@pytest.mark.parametrize("make", ITERATED)
@pytest.mark.parametrize(("minutes", "done"), [(0.5, 1), (3.5, 3), (None, 5)])
def test_models_stop_before_an_epoch_that_would_pass_the_cap(make, minutes, done, clock, tmp_path):
    """And are then as if they had been given that many; the first is always learned."""
    snapshot = checkerboard.snapshot()
    model = make(5).fit(snapshot, FitOptions(cap=Cap(minutes), progress=clock.progress))
    assert len(clock.heard) == done
    assert manifest_of(model, tmp_path / "model")["capped"] is (minutes is not None)
    np.testing.assert_array_equal(model.scores(EVERYONE), make(done).fit(snapshot).scores(EVERYONE))


@pytest.mark.parametrize("make", ITERATED)
def test_a_cap_that_the_last_epoch_keeps_is_not_reached(make, clock):
    """No further epoch would fit, but none was wanted."""
    cap = Cap(5.7)  # a network stops at nine tenths, after five epochs
    make(5).fit(checkerboard.snapshot(), FitOptions(cap=cap, progress=clock.progress))
    assert len(clock.heard) == 5
    assert not cap.hit


def test_gensim_stops_before_an_epoch_that_would_pass_the_cap(clock, tmp_path):
    model = Track2Vec(epochs=5, subsample=0.0).fit(
        checkerboard.snapshot(), FitOptions(cap=Cap(3.5), progress=clock.progress)
    )
    assert clock.heard == ["epoch 1 of 5", "epoch 2 of 5", "epoch 3 of 5"]
    assert np.abs(model.vectors).max() > 0.0
    manifest = manifest_of(model, tmp_path / "model")
    assert manifest["capped"]
    assert manifest["threads"] == 1


@pytest.mark.parametrize(("minutes", "steps"), [(1e-9, 10), (None, 50)])
def test_the_network_of_lists_stops_after_a_pass_over_them(minutes, steps, monkeypatch):
    """Twenty lists, two in a step."""
    taken: list[int] = []
    monkeypatch.setattr("recommenders.track2vec._tell", lambda progress, step, steps: taken.append(step))
    cap = Cap(minutes)
    Track2VecNetwork(epochs=5, batch=2).fit(checkerboard.snapshot(), FitOptions(cap=cap))
    assert len(taken) == steps
    assert cap.hit is (minutes is not None)


@pytest.mark.parametrize(("minutes", "capped"), [(1.5, True), (2.5, False), (None, False)])
def test_a_model_that_cannot_be_cut_says_that_it_ended_after_the_cap(minutes, capped, clock, tmp_path):
    """The clock goes on by a minute twice while it inverts."""
    snapshot, cap = checkerboard.snapshot(), Cap(minutes)
    model = Ease().fit(snapshot, FitOptions(cap=cap, progress=clock.progress))
    assert cap.hit is capped
    assert manifest_of(model, tmp_path / "model")["capped"] is capped
    np.testing.assert_array_equal(model.scores(EVERYONE), Ease().fit(snapshot).scores(EVERYONE))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Als(factors=4), {"threads": 2, "precision": "float32"}),
        (Bpr(factors=4, iterations=2), {"threads": 1, "precision": "float32"}),
        (Ease(), {"precision": "float64"}),
        (WatchRatio(epochs=1), {"threads": 1, "precision": "float32", "ratio": RATIO.model_dump(mode="json")}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_manifest_says_threads_precision_and_constants(model, told, tmp_path):
    manifest = manifest_of(model.fit(checkerboard.snapshot()), tmp_path / "model")
    assert {name: manifest[name] for name in told} == told
    assert manifest["core"] == CORE.model_dump(mode="json")


def test_ease_says_when_it_was_inverted_in_single_precision(monkeypatch, tmp_path):
    monkeypatch.setattr("recommenders.ease.CORE", CORE.model_copy(update={"ease_exact_side": 3}))
    assert manifest_of(Ease().fit(checkerboard.snapshot()), tmp_path / "model")["precision"] == "float32"


def test_a_model_of_before_its_constants_were_saved_is_read(tmp_path):
    snapshot = checkerboard.snapshot()
    model = Als(factors=4, iterations=2).fit(snapshot)
    manifest = manifest_of(model, tmp_path / "model")
    del manifest["core"]
    manifest["environment"]["threads"] = manifest["environment"].pop("cores")
    (tmp_path / "model" / "manifest.json").write_text(json.dumps(manifest))
    again = Als.load(tmp_path / "model", snapshot)
    np.testing.assert_array_equal(again.scores(EVERYONE), model.scores(EVERYONE))
