from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from evaluation import metrics
from recommenders.core.ndcg import Judged, judge, ndcg
from tests.evaluation import naive

CONTENTS = 12
K = 6
NAIVE = {
    "HR": naive.hit_rate,
    "Precision": naive.precision,
    "Recall": naive.recall,
    "NDCG": naive.ndcg,
    "NDCG graded": naive.graded_ndcg,
    "MAP": naive.average_precision,
    "MRR": naive.reciprocal_rank,
}

lists = st.lists(st.integers(0, CONTENTS - 1), max_size=K, unique=True)
worths = st.dictionaries(st.integers(0, CONTENTS - 1), st.sampled_from([0.1, 0.25, 0.5, 1.0]), min_size=1)
people = st.lists(st.tuples(lists, worths), min_size=1, max_size=6)


def as_ids(ranked: list[list[int]]) -> np.ndarray:
    return np.array([row + [-1] * (K - len(row)) for row in ranked], dtype=np.int64)


def as_matrix(worth: list[dict[int, float]]) -> sp.csr_array:
    dense = np.zeros((len(worth), CONTENTS))
    for row, own in enumerate(worth):
        for content, value in own.items():
            dense[row, content] = value
    return sp.csr_array(dense)


@given(people, st.integers(1, K))
def test_every_metric_is_its_naive_loop(some, k):
    judged = judge(as_ids([r for r, _ in some]), as_matrix([w for _, w in some]))
    assert set(NAIVE) == set(metrics.PER_USER)
    for name, metric in metrics.PER_USER.items():
        expected = [NAIVE[name](ranked, worth, k) for ranked, worth in some]
        np.testing.assert_allclose(metric(judged, k), expected, atol=1e-12, err_msg=name)


@given(people, st.integers(1, K))
def test_every_metric_lies_between_0_and_1_and_grows_with_a_hit_put_in_front(some, k):
    ranked, worth = some[0]
    best = max(worth, key=lambda c: worth[c])
    improved = [best, *[c for c in ranked if c != best]][:K]
    judged = judge(as_ids([ranked, improved]), as_matrix([worth, worth]))
    for metric in metrics.PER_USER.values():
        before, after = metric(judged, k)
        assert 0 <= before <= after + 1e-12 <= 1 + 1e-9


def test_the_ideal_list_scores_one_even_when_fewer_than_k_were_held_out():
    judged = judge(as_ids([[3, 1, 0]]), as_matrix([{3: 1.0, 1: 0.5}]))
    assert ndcg(judged, K)[0] == pytest.approx(1)
    assert metrics.graded_ndcg(judged, K)[0] == pytest.approx(1)
    assert metrics.recall(judged, K)[0] == 1
    assert metrics.precision(judged, K)[0] == pytest.approx(2 / K)


def test_an_average_precision_is_over_the_smaller_of_held_out_and_k():
    """Also of fewer than ``k`` places, and nothing of users without held-out contents."""
    judged = Judged(np.array([[1.0, 0.0, 0.5]] * 2 + [[0.0] * 3]), np.zeros((3, 3)), np.array([2, 9, 0]))
    for k, most in ((3, 3), (20, 9)):
        expected = [(1 + 2 / 3) / 2, (1 + 2 / 3) / most, np.nan]
        np.testing.assert_allclose(metrics.average_precision(judged, k), expected)


def test_graded_ndcg_prefers_what_was_loved_and_the_binary_one_does_not():
    judged = judge(as_ids([[0, 1], [1, 0]]), as_matrix([{0: 1.0, 1: 0.1}] * 2))
    loved_first, loved_last = metrics.graded_ndcg(judged, 2)
    assert loved_first > loved_last
    assert np.ptp(ndcg(judged, 2)) == 0


@given(st.lists(lists, min_size=1, max_size=6))
def test_gini_and_coverage_are_their_naive_loops(ranked):
    counts = [sum(c in row for row in ranked) for c in range(CONTENTS)]
    assert metrics.gini(as_ids(ranked), CONTENTS) == pytest.approx(naive.gini(counts), abs=1e-12)
    assert metrics.coverage(as_ids(ranked), CONTENTS) == sum(c > 0 for c in counts) / CONTENTS


@given(
    st.lists(lists, min_size=1, max_size=4),
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=CONTENTS, max_size=CONTENTS),
)
def test_diversity_is_its_naive_loop(ranked, vectors):
    made = metrics.intra_list_diversity(as_ids(ranked), sp.csr_array(np.array(vectors, dtype=float)))
    np.testing.assert_allclose(made, [naive.diversity(row, vectors) for row in ranked], atol=1e-9)


@given(st.lists(lists, min_size=1, max_size=4), st.lists(st.integers(0, 9), min_size=CONTENTS, max_size=CONTENTS))
def test_novelty_and_average_popularity_are_their_naive_loops(ranked, watchers):
    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    bits = [mean([-math.log2(max(watchers[c], 1) / 9) for c in row]) for row in ranked]
    popular = [mean([float(watchers[c]) for c in row]) for row in ranked]
    np.testing.assert_allclose(metrics.novelty(as_ids(ranked), np.array(watchers), 9), bits, atol=1e-12)
    np.testing.assert_allclose(metrics.average_popularity(as_ids(ranked), np.array(watchers)), popular, atol=1e-12)
