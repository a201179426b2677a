"""Who takes part in the first stage, and in which order everything is fitted again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ranking import first_stage, registry
from recommenders.baseline import silent
from recommenders.ease import Ease
from tests import checkerboard


@pytest.mark.parametrize(("users", "contents", "there"), [(10, 10, False), (10, 100, True), (100, 10, True)])
def test_ease_is_left_out_where_it_would_know_a_few_of_the_contents(monkeypatch, users, contents, there):
    monkeypatch.setattr(first_stage, "_TWO_INVERSES", 0)
    monkeypatch.setattr(Ease, "largest_side", users)
    monkeypatch.setattr(first_stage, "_EASE_CONTENTS", contents)
    names = [member.name for member in first_stage.plan(checkerboard.snapshot())]
    assert ("ease" in names) == there
    assert names[0] == "gnn"
    assert {"als", "item-knn", "friends-items", "popularity"} <= set(names)


@pytest.mark.parametrize(("kept", "order", "seconds"), [(True, ["gnn", "als"], 70.0), (False, ["als", "gnn"], 100.0)])
def test_a_network_to_go_on_from_has_its_turn_before_the_others_matrices(monkeypatch, kept, order, seconds):
    fitted, given = [], {}

    def make(name, **settings):
        def fit(snapshot, progress=None, **told):
            fitted.append(name)
            given.update(told)
            return name

        return SimpleNamespace(fit=fit)

    monkeypatch.setattr(registry, "make", make)
    trained: Any = SimpleNamespace()
    stage = first_stage.FirstStage(
        {"gnn": trained} if kept else {}, {"gnn": {}, "als": {}}, 8, {"gnn": 50.0, "als": 30.0}
    )
    again = stage.again(["gnn", "als"], checkerboard.snapshot(), lambda: 100.0, silent)
    assert fitted == order
    assert set(again.models) == {"gnn", "als"}
    assert given == {"epochs": 8, "budget_s": seconds, "start": trained if kept else None, "checkpoint": None}
    assert "gnn" not in stage.models
