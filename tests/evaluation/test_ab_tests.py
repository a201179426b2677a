"""A/B reports: users are the unit, the interval is Welch's, and an unfair split is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evaluation import play_data
from evaluation.ab_tests import SUSPICIOUS, experiments, welch
from graph.errors import InputError
from graph.files.play_sessions import PLAYS, sessions_of


def plays(sessions: list[tuple[int, str, list[float]]]) -> pl.DataFrame:
    """Sessions of (user, arm, shares)."""
    rows: list[tuple[Any, ...]] = []
    for number, (user, arm, shares) in enumerate(sessions):
        for place, share in enumerate(shares):
            message = "last" if place == len(shares) - 1 else "next"
            rows.append((message, 1_000 * number + place, user, place, share, 0.002, None, arm, None))
    return sessions_of(pl.DataFrame(rows, schema=PLAYS, orient="row"))


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(2, 1, 40), rng.normal(2.4, 3, 90)
    found = welch(a, b)
    told = stats.ttest_ind(b, a, equal_var=False)
    low, high = told.confidence_interval(0.95)
    assert found == pytest.approx((b.mean() - a.mean(), low, high, told.pvalue))


def test_a_user_counts_once_however_many_sessions() -> None:
    sessions = [(1, "E:C", [1.0])] * 50 + [
        (2, "E:C", [1.0, 1.0, 1.0]),
        (3, "E:T1", [1.0, 0.5]),
        (4, "E:T1", [1.0, 1.0]),
    ]
    (one,) = experiments(plays(sessions))
    control, treatment = one.arms
    assert (control.treatment, control.users, control.sessions, control.requests) == ("C", 2, 51, 53)
    assert treatment.shares == pytest.approx(1.75)
    shares = next(effect for effect in one.effects if effect.metric == "shares")
    assert shares.control == pytest.approx(2.0)  # 1 and 3, not the mean of 51 sessions
    assert shares.difference == pytest.approx(-0.25)
    assert shares.percent()[0] == pytest.approx(-12.5)
    assert not shares.differs


def test_a_user_with_two_treatments_is_left_out_and_experiments_stand_apart() -> None:
    sessions = [(1, "A:C;B:T1", [1.0]), (2, "A:T1;B:C", [1.0]), (3, "A:C;B:C", [1.0]), (3, "A:T1;B:C", [1.0])]
    first, second = experiments(plays(sessions))
    assert (first.name, first.in_several, sum(arm.users for arm in first.arms)) == ("A", 1, 2)
    assert (second.name, second.in_several, sum(arm.users for arm in second.arms)) == ("B", 0, 3)


def test_an_unfair_split_is_noticed() -> None:
    sessions = [(user, "E:C" if user < 600 else "E:T1", [1.0]) for user in range(1_000)]
    assert experiments(plays(sessions))[0].sample_ratio_p < SUSPICIOUS
    assert experiments(plays(sessions), shares={"C": 3.0, "T1": 2.0})[0].sample_ratio_p == pytest.approx(1.0)
    assert experiments(plays(sessions), shares={"C": 1.0})[0].sample_ratio_p == 0.0


def test_a_treatment_that_no_experiment_has_is_refused() -> None:
    sessions = [(1, "A:C;B:T1", [1.0]), (2, "A:T1;B:C", [1.0]), (3, "A:T2", [1.0])]
    assert [one.control for one in experiments(plays(sessions), control="T2")] == ["T2", "C"]
    for asked in ({"control": "Z"}, {"shares": {"C": 1.0, "Z": 1.0}}):
        with pytest.raises(InputError, match="treatment 'Z'") as told:
            experiments(plays(sessions), **asked)
        assert told.value.do == "They have C, T1, T2."


def test_the_published_logs(shared_data: Path) -> None:
    first, second = experiments(play_data.plays(shared_data / "botify"))
    assert (first.name, second.name) == ("STICKY_ARTIST", "USER_BASED")
    assert [round(arm.shares, 2) for arm in (*first.arms, *second.arms)] == [1.98, 3.01, 2.06, 2.37]
    assert all(effect.differs for one in (first, second) for effect in one.effects if effect.metric == "shares")
    assert min(first.sample_ratio_p, second.sample_ratio_p) > SUSPICIOUS
