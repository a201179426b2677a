"""Off-policy estimates against another library's figures, and where the truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evaluation import play_data
from evaluation.off_policy import Logged, doubly_robust, inverse_propensity, logged, self_normalised
from recommenders.plays import plays_of
from recommenders.session import SessionModel
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder

ITEMS = 34
ESTIMATES = (inverse_propensity, self_normalised, doubly_robust)


def test_the_figures_of_the_open_bandit_pipeline() -> None:
    """The first 2,000 rows by time of the sample in obp 0.4.1 (random policy, men; CC BY 4.0), and its figures."""
    rows = pl.read_csv(Path(__file__).parent / "data" / "open_bandit.csv")
    item = rows["item"].to_numpy()
    judged = np.exp(-np.arange(ITEMS) / 10.0)
    judged /= judged.sum()
    expected = 0.002 + 0.0002 * np.arange(ITEMS)
    log = Logged(
        rows["click"].to_numpy().astype(float),
        rows["propensity"].to_numpy(),
        judged[item],
        expected[item],
        np.full(len(item), judged @ expected),
    )
    figures = [estimate(log).mean for estimate in ESTIMATES]
    assert figures == pytest.approx([0.0037586309892329683, 0.0037583586837604877, 0.0037632453408521665], rel=1e-9)


def test_the_value_of_another_policy_is_found_with_honest_errors() -> None:
    rng = np.random.default_rng(0)
    reward, chosen_by, judged = np.array([0.1, 0.5, 0.9]), np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    truth = float(judged @ reward)
    action = rng.choice(3, 20_000, p=chosen_by)
    heard = (rng.random(20_000) < reward[action]).astype(float)
    model = np.array([0.2, 0.4, 0.8])
    log = Logged(heard, chosen_by[action], judged[action], model[action], np.full(20_000, judged @ model))
    found = [estimate(log) for estimate in ESTIMATES]
    assert all(abs(one.mean - truth) < 4.0 * one.error for one in found)
    assert found[2].error < found[0].error  # what the model explains is no noise
    assert log.effective < 20_000


def test_naive_sums_give_the_same() -> None:
    log = Logged(*np.array([[1.0, 0.5, 0.25, 0.8, 0.3], [0.0, 0.25, 0.5, 0.2, 0.3], [0.5, 1.0, 0.5, 0.5, 0.4]]).T)
    weights = [0.5, 2.0, 0.5]
    assert inverse_propensity(log).mean == pytest.approx((0.5 * 1.0 + 2.0 * 0.0 + 0.5 * 0.5) / 3)
    assert self_normalised(log).mean == pytest.approx((0.5 + 0.25) / sum(weights))
    residuals = [0.3 + 0.5 * 0.2, 0.3 + 2.0 * -0.2, 0.4 + 0.5 * 0.0]
    assert doubly_robust(log).mean == pytest.approx(sum(residuals) / 3)


def test_what_can_never_come_weighs_nothing() -> None:
    log = Logged(*np.array([[1.0, 0.5, 0.0, 0.8, 0.3]]).T)
    assert inverse_propensity(log).mean == 0.0
    assert np.isnan(self_normalised(log).mean)
    assert log.effective == 0.0


def test_choices_in_logs_are_judged_by_each_arm(tmp_path: Path) -> None:
    snapshot = play_data.read(folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO))
    model = SessionModel().fit(snapshot)
    found = logged(model, plays_of(snapshot), ["random", "sticky-artist", "session"])
    assert sorted(found["random"].propensity.tolist()) == [0.125, 0.5]
    by_propensity = dict(zip(found["random"].propensity, found["random"].chance, strict=True))
    assert by_propensity == {0.5: 0.5, 0.125: 1.0}  # of two left, then of one
    sticky = dict(zip(found["sticky-artist"].propensity, found["sticky-artist"].chance, strict=True))
    assert sticky == {0.5: 1.0, 0.125: 1.0}  # the other one of Nina; then nothing else is left
    assert np.all((found["session"].chance > 0) & (found["session"].value <= 1.0))
