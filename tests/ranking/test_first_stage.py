"""Which graph network the first stage keeps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from baselines.baseline import silent
from gnn.config import GnnConfig
from ranking import first_stage, holdout, registry
from tests import checkerboard

#: NDCG by temperature, of narrow networks.
RISING = {0.14: 0.1, 0.3: 0.2, 0.45: 0.3, 0.7: 0.4}
PEAK = {0.14: 0.1, 0.3: 0.3, 0.45: 0.2, 0.7: 0.9}
FLAT = {0.14: 0.3, 0.3: 0.3, 0.45: 0.9, 0.7: 0.9}


@pytest.mark.parametrize(
    ("narrow", "wide", "temperature", "dim", "fits"),
    [(RISING, 0.5, 0.7, 128, 5), (PEAK, 0.5, 0.3, 128, 4), (PEAK, 0.25, 0.3, 64, 4), (FLAT, 0.5, 0.14, 128, 3)],
)
def test_temperatures_rise_until_one_is_no_better_and_the_better_width_is_kept(
    monkeypatch, narrow, wide, temperature, dim, fits
):
    budgets = []

    class Network:
        def __init__(self, config: GnnConfig) -> None:
            self.config = config

        def fit(self, snapshot, progress, *, validation, budget_s):
            budgets.append(budget_s)
            reached = narrow[self.config.temperature] if self.config.dim == 64 else wide
            metrics = {"validation_ndcg@10": reached}
            self.artifact = SimpleNamespace(manifest=SimpleNamespace(metrics=metrics))

    def make(name, config):
        return Network(config)

    monkeypatch.setattr(registry, "make", make)
    part = holdout.cut(checkerboard.snapshot(), seed=0)
    model, settings = first_stage._network(part, {"seed": 3}, 100.0, silent)
    assert (model.config.temperature, model.config.dim, model.config.seed) == (temperature, dim, 3)
    assert settings["temperature"] == temperature
    assert len(budgets) == fits
    assert sum(budgets[:-1]) <= 60.0
    assert budgets[-1] <= 100.0
