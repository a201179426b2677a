"""Who takes part in the first stage, and in which order everything is fitted again."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ranking import first_stage, registry
from ranking.config import CONFIG
from ranking.first_stage import FirstStage, Member
from recommenders.core.effort import Cap
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from recommenders.ease import Ease
from tests import checkerboard


@pytest.mark.parametrize(("users", "contents", "there"), [(10, 10, False), (10, 100, True), (100, 10, True)])
def test_ease_is_left_out_where_it_would_know_a_few_of_the_contents(monkeypatch, users, contents, there):
    changes = {"few_users": 1, "ease_contents": contents}
    monkeypatch.setattr(first_stage, "CONFIG", CONFIG.model_copy(update=changes))
    monkeypatch.setattr(Ease, "largest_side", users)
    names = [member.name for member in first_stage.plan(checkerboard.snapshot())]
    assert ("ease" in names) == there
    assert names[0] == "gat"
    assert {"als", "item-knn", "friends-items", "popularity"} <= set(names)


def test_quick_leaves_out_the_models_whose_one_fit_is_too_long():
    names, quick = (
        [member.name for member in first_stage.plan(checkerboard.snapshot(), quick=q)] for q in (False, True)
    )
    assert [name for name in names if name not in CONFIG.quick_without] == quick
    assert set(CONFIG.quick_without) <= set(names)


@pytest.mark.parametrize(("kept", "order"), [(True, ["gat", "als"]), (False, ["als", "gat"])])
def test_a_network_to_go_on_from_has_its_turn_before_the_others_matrices(monkeypatch, kept, order):
    fitted: list[str] = []
    given: dict[str, FitOptions] = {}

    def make(name, **settings):
        def fit(snapshot, options):
            fitted.append(name)
            given[name] = options
            return name

        return SimpleNamespace(fit=fit)

    monkeypatch.setattr(registry, "make", make)
    trained: Any = SimpleNamespace()
    stage = FirstStage({"gat": trained} if kept else {}, {"gat": {"epochs": 8}, "als": {}})
    again = stage.again(["gat", "als"], checkerboard.snapshot(), FitOptions(seed=3))
    assert fitted == order
    assert set(again.models) == {"gat", "als"}
    assert {name: options.start for name, options in given.items()} == {"gat": trained if kept else None, "als": None}
    assert {options.seed for options in given.values()} == {3}
    assert "gat" not in stage.models


def test_a_large_graph_finds_the_inverses_penalty_on_a_part_of_the_users(monkeypatch):
    """And searches the rest on everybody, from there."""
    monkeypatch.setattr(first_stage, "CONFIG", CONFIG.model_copy(update={"few_users": 1, "thinned_users": 7}))
    sizes: list[int] = []
    learn = Ease._learn

    def noted(self, snapshot, options):
        sizes.append(snapshot.users.count)
        return learn(self, snapshot, options)

    monkeypatch.setattr(Ease, "_learn", noted)
    part = validation(checkerboard.snapshot())
    (member,) = (member for member in first_stage.plan(part.train) if member.name == "ease")
    stage = FirstStage.tuned(
        [member], part, FitOptions(), network={}, shares={"ease": 1.0}, progress=lambda share, what: None
    )
    assert sizes[0] == 7
    assert set(sizes) == {7, checkerboard.SIZE}
    assert sizes == sorted(sizes)
    assert stage.models["ease"].snapshot is part.train
    assert stage.trials["ease"] >= len(sizes)


def test_under_a_cap_that_is_used_up_only_the_first_member_and_popularity_take_part():
    part, cap = validation(checkerboard.snapshot()), Cap(1e-9)
    members = [Member("als", 0.3), Member("item-knn", 0.3), Member("popularity", 0.3)]
    shares = {member.name: member.share for member in members}
    stage = FirstStage.tuned(
        members, part, FitOptions(cap=cap), network={}, shares=shares, progress=lambda share, what: None
    )
    assert list(stage.models) == ["als", "popularity"]
    assert cap.hit


def searched(checkpoint: Path, cap: Cap) -> None:
    """Search item-knn alone, or take over what an earlier run found."""
    options = FitOptions(cap=cap, checkpoint=checkpoint)
    part = validation(checkerboard.snapshot())
    members, shares = [Member("item-knn", 0.3)], {"item-knn": 0.3}
    FirstStage.tuned(members, part, options, network={}, shares=shares, progress=lambda share, what: None)


def test_a_search_that_is_taken_over_says_that_a_cap_cut_it(tmp_path):
    searched(tmp_path, Cap(1e-9))
    patient = Cap(60.0)
    searched(tmp_path, patient)
    assert patient.hit


def test_a_search_that_is_taken_over_does_not_say_so_of_what_came_before_it(tmp_path):
    before, after = Cap(60.0), Cap(60.0)
    before.hit = True  # by a model that was searched earlier
    searched(tmp_path, before)
    searched(tmp_path, after)
    assert (before.hit, after.hit) == (True, False)


def test_a_search_saved_before_caps_were_saved_is_taken_over(tmp_path):
    searched(tmp_path, Cap())
    file = tmp_path / "item-knn" / "search.json"
    state = json.loads(file.read_text())
    del state["capped"]
    file.write_text(json.dumps(state))
    cap = Cap(60.0)
    searched(tmp_path, cap)
    assert not cap.hit
    assert json.loads(file.read_text()) == state  # it was not searched again
