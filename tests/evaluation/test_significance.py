from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.significance import bootstrap_interval, compare, holm


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        low, high = bootstrap_interval(rng.exponential(2.0, 150), resamples=300, seed=seed)
        covered += low <= 2.0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_interval_of_a_constant_is_that_constant_and_repeats_with_the_seed():
    assert bootstrap_interval(np.full(10, 0.25)) == (0.25, 0.25)
    values = np.random.default_rng(1).random(50)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)


def test_a_small_but_steady_gain_is_found_because_users_are_paired():
    rng = np.random.default_rng(2)
    base = rng.random(500)
    better = base + 0.01 + rng.normal(0, 0.02, 500)
    found = compare(better, base)
    assert found.low > 0
    assert found.p_value < 1e-6
    assert found.difference == pytest.approx((better - base).mean())
    assert found.p_value == pytest.approx(stats.ttest_rel(better, base).pvalue)
    assert stats.ttest_ind(better, base).pvalue > 0.05


def test_a_model_does_not_differ_from_itself():
    values = np.random.default_rng(3).random(20)
    same = compare(values, values)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_of_nobody_there_is_no_interval_and_of_one_user_no_difference():
    low, high = bootstrap_interval(np.empty(0))
    assert np.isnan(low)
    assert np.isnan(high)
    assert compare(np.array([0.9]), np.array([0.1])).p_value == 1.0
