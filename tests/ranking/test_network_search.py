"""Which graph network a search keeps."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gnn.config import GnnConfig
from graph.snapshot import Snapshot
from ranking import holdout, network_search, registry
from ranking.network_search import FoundNetwork
from recommenders.baseline import silent
from tests import checkerboard
from tests.conformance import odd

#: NDCG by temperature, of narrow networks.
RISING = {0.2: 0.1, 0.3: 0.2, 0.5: 0.3, 0.8: 0.4, 1.2: 0.5}
PEAK = {0.2: 0.1, 0.3: 0.3, 0.5: 0.2, 0.8: 0.9}
FLAT = {0.2: 0.3, 0.3: 0.3, 0.5: 0.9, 0.8: 0.9, 0.14: 0.3, 0.1: 0.9}
FALLING = {0.2: 0.1, 0.3: 0.1, 0.5: 0.9, 0.8: 0.9, 0.14: 0.2, 0.1: 0.3}


class Networks:
    """In place of networks: reach what a test says, take so many seconds each, and remember their budgets."""

    def __init__(self, reached: Callable[[GnnConfig], float], seconds: float, *, taught: bool = False) -> None:
        self.reached = reached
        self.seconds = seconds
        self.taught = taught
        self.configs: list[GnnConfig] = []
        self.budgets: list[float] = []

    def make(self, name: str, **settings: Any) -> Any:
        config = GnnConfig(**settings)

        def fit(snapshot, progress, *, validation, budget_s, checkpoint):
            self.configs.append(config)
            self.budgets.append(budget_s)

        metrics = {"validation_ndcg@10": self.reached(config)}
        manifest = SimpleNamespace(metrics=metrics)
        artifact = SimpleNamespace(manifest=manifest, seconds=self.seconds)
        return SimpleNamespace(config=config, fit=fit, artifact=artifact, places_contents=self.taught)


def searched(
    monkeypatch: pytest.MonkeyPatch, networks: Networks, snapshot: Snapshot | None = None, seconds: float = 100.0
) -> FoundNetwork:
    monkeypatch.setattr(registry, "make", networks.make)
    part = holdout.cut(snapshot or checkerboard.snapshot(), seed=0)
    return network_search.search("gnn", part, {"seed": 3}, seconds, silent)


@pytest.mark.parametrize(
    ("narrow", "wide", "temperature", "dim", "fits"),
    [
        (RISING, 0.6, 1.2, 128, 6),
        (PEAK, 0.5, 0.3, 128, 4),
        (PEAK, 0.25, 0.3, 64, 4),
        (FLAT, 0.5, 0.2, 128, 4),
        (FALLING, 0.5, 0.1, 128, 5),
    ],
)
def test_temperatures_rise_or_else_fall_until_one_is_no_better_and_the_better_width_is_kept(
    monkeypatch, narrow, wide, temperature, dim, fits
):
    networks = Networks(lambda config: narrow[config.temperature] if config.dim == 64 else wide, seconds=25.0)
    found = searched(monkeypatch, networks)
    config = found.model.config
    assert (config.temperature, config.dim, config.seed) == (temperature, dim, 3)
    assert found.settings["temperature"] == temperature
    assert len(networks.budgets) == fits  # too much of the time is gone for anything else to be tried
    assert sum(networks.budgets[:-1]) <= 36.0
    assert found.seconds == 25.0 * fits  # as each network says: a killed run counts
    assert networks.budgets[-1] == pytest.approx(max(100.0 - 25.0 * (fits - 1), 1.0), abs=1.0)


def test_without_the_time_for_trials_one_narrow_network_has_all_of_it(monkeypatch):
    networks = Networks(lambda config: RISING[config.temperature], seconds=50.0)
    found = searched(monkeypatch, networks, seconds=60.0)
    assert (found.model.config.temperature, found.model.config.dim) == (0.2, 64)
    assert found.settings["dim"] == 64
    assert (networks.budgets, found.seconds) == ([60.0], 50.0)


def test_a_large_graph_has_one_network_as_it_is_given(monkeypatch):
    monkeypatch.setattr(network_search, "LARGE", 10)
    networks = Networks(lambda config: 0.1, seconds=50.0)
    assert searched(monkeypatch, networks).settings == {"seed": 3}
    assert networks.budgets == [100.0]


@pytest.mark.parametrize(
    ("best", "decay", "tried"),
    [
        (0.3, 0.3, [*[1.0] * 7, 0.3, 0.1, 0.3]),
        (3.0, 3.0, [*[1.0] * 7, 0.3, 3.0, 3.0]),
        (1.0, 1.0, [*[1.0] * 7, 0.3, 3.0, 1.0]),
    ],
)
def test_decays_are_tried_in_both_directions_where_there_is_time(monkeypatch, best, decay, tried):
    networks = Networks(lambda config: -abs(config.weight_decay - best) - abs(config.temperature - 0.2), seconds=5.0)
    model = searched(monkeypatch, networks).model
    assert [config.weight_decay for config in networks.configs] == tried
    assert (model.config.weight_decay, model.config.temperature) == (decay, 0.2)


@pytest.mark.parametrize(("best", "tried"), [(0.25, [0.5]), (0.5, [0.5, 1.0]), (1.0, [0.5, 1.0])])
def test_popularity_may_say_more_where_there_is_time(monkeypatch, best, tried):
    networks = Networks(lambda config: -abs(config.popularity - best) - abs(config.temperature - 0.2), seconds=5.0)
    found = searched(monkeypatch, networks)
    powers = [config.popularity for config in networks.configs]
    assert powers[: 3 + len(tried)] == [0.25, 0.25, 0.25, *tried]
    assert set(powers[3 + len(tried) :]) == {best}
    assert found.model.config.popularity == found.settings["popularity"] == best


@pytest.mark.parametrize(
    ("best", "tried"), [(0.0, [0.5, 0.0]), (0.2, [0.5, 0.0]), (0.5, [0.5, 1.0]), (1.0, [0.5, 1.0])]
)
def test_friends_may_count_more_or_nothing_where_there_are_any(monkeypatch, best, tried):
    networks = Networks(lambda config: -abs(config.friends - best) - abs(config.temperature - 0.2), seconds=5.0)
    found = searched(monkeypatch, networks)
    weights = [config.friends for config in networks.configs]
    assert weights == [*[0.2] * 5, *tried, best, best, best]
    assert found.model.config.friends == found.settings["friends"] == best
    alone = Networks(lambda config: -abs(config.friends - best) - abs(config.temperature - 0.2), seconds=5.0)
    searched(monkeypatch, alone, odd(checkerboard.watched_pairs(8), []))
    assert {config.friends for config in alone.configs} == {0.2}


@pytest.mark.parametrize(("taught", "tried"), [(False, {3, 1}), (True, {3})])
def test_fewer_layers_are_tried_only_where_no_new_contents_are_learned_of(monkeypatch, taught, tried):
    networks = Networks(lambda config: -config.layers, seconds=5.0, taught=taught)
    found = searched(monkeypatch, networks)
    assert {config.layers for config in networks.configs} == tried
    assert found.model.config.layers == min(tried)
