"""The best of many scores: every rule of ties against a sort that is too slow for anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommenders.core.top_k import all_equal, highest_of_rows, top_k, top_k_left, top_k_of_segments

#: Few different values, so that many are equal.
values = st.sampled_from([0.0, 1.0, 1.0, 2.0, -3.0, float("nan"), float("inf"), float("-inf")])
tables = st.integers(1, 9).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), min_size=1, max_size=4)
)


def naive(row: list[float], k: int) -> list[int]:
    """Columns of the ``k`` highest, the lower column first; neither NaN nor -inf is ever among them."""
    usable = [column for column, value in enumerate(row) if value > float("-inf")]
    return sorted(usable, key=lambda column: (-row[column], column))[:k]


def padded(found: list[int], length: int) -> list[int]:
    return found + [-1] * (length - len(found))


@settings(deadline=None)  # the first call compiles
@given(tables, st.integers(0, 12))
@example([[1.0, 1.0, 1.0, 1.0]], 2)  # all are tied at the boundary
@example([[0.0, 2.0, 1.0, 1.0, 1.0, 3.0]], 3)  # some are tied at it
def test_the_best_are_those_of_a_naive_sort(table, k):
    columns, best = top_k(np.array(table, dtype=np.float32), k)
    assert columns.shape == best.shape == (len(table), k)
    for row, found, scores in zip(table, columns.tolist(), best.tolist(), strict=True):
        expected = naive(row, k)
        assert found == padded(expected, k)
        assert scores == [row[column] for column in expected] + [float("-inf")] * (k - len(expected))


@settings(deadline=None)
@given(tables, st.integers(0, 12), st.integers(0, 3))
def test_with_draws_the_same_scores_come_best_first_in_an_order_of_chance(table, k, seed):
    scores = np.array(table, dtype=np.float32)
    columns, best = top_k(scores, k, np.random.default_rng(seed))
    np.testing.assert_array_equal(best, top_k(scores, k)[1])
    for row, found, values in zip(table, columns.tolist(), best.tolist(), strict=True):
        there = [column for column in found if column >= 0]
        assert len(there) == len(set(there)) == len(naive(row, k))
        assert [row[column] for column in there] == values[: len(there)]


def test_draws_give_every_one_of_equal_scores_the_first_place():
    columns, _ = top_k(np.zeros((400, 4), dtype=np.float32), 1, np.random.default_rng(0))
    assert (np.bincount(columns[:, 0], minlength=4) > 60).all()


@settings(deadline=None)
@given(st.lists(st.lists(values, max_size=9), max_size=5), st.integers(0, 12))
def test_the_best_of_segments_are_those_of_a_naive_sort_of_each(segments, k):
    scores = np.array([value for segment in segments for value in segment], dtype=np.float32)
    indptr = np.cumsum([0, *(len(segment) for segment in segments)])
    found = top_k_of_segments(scores, indptr, k)
    assert found.shape == (len(segments), k)
    assert found.tolist() == [padded(naive(segment, k), k) for segment in segments]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(values, max_size=40), max_size=5), st.integers(1, 4), st.randoms())
def test_rows_keep_their_highest_values_above_0_in_the_order_in_which_they_stand(rows, k, random):
    columns = [random.sample(range(40), len(row)) for row in rows]
    indptr = np.cumsum([0, *(len(row) for row in rows)])
    data = np.array([value for row in rows for value in row], dtype=np.float32)
    matrix = sp.csr_array((data, np.concatenate([*columns, []]).astype(int), indptr), shape=(len(rows), 40))
    found = highest_of_rows(matrix, k)
    assert found.shape == matrix.shape
    for row, own, start, stop in zip(rows, columns, found.indptr[:-1], found.indptr[1:], strict=True):
        kept = sorted(place for place in naive(row, k) if row[place] > 0)
        assert found.indices[start:stop].tolist() == [own[place] for place in kept]
        assert found.data[start:stop].tolist() == [row[place] for place in kept]


@pytest.mark.parametrize("k", [32, 33, 60, 100])
def test_more_than_a_few_follow_the_same_rules(k):
    rng = np.random.default_rng(k)
    table = rng.choice([0.0, 1.0, 2.0, -3.0, np.nan, np.inf, -np.inf], size=(40, 90)).tolist()
    columns, _ = top_k(np.array(table, dtype=np.float32), k)
    assert columns.tolist() == [padded(naive(row, k), k) for row in table]


def test_of_very_many_equal_scores_the_lowest_columns_come_first():
    """A partial sort of this many moves equal values around."""
    scores = np.zeros((3, 5_000), dtype=np.float32)
    scores[1, ::7] = 1.0
    columns, _ = top_k(scores, 20)
    assert columns.tolist() == [list(range(20)), list(range(0, 140, 7)), list(range(20))]


def test_scores_are_left_as_they_are():
    scores: Any = np.array([[1.0, np.nan, 3.0]], dtype=np.float32)
    top_k(scores, 2)
    np.testing.assert_array_equal(scores, [[1.0, np.nan, 3.0]])


@settings(deadline=None)  # the first call compiles
@given(tables)
def test_rows_whose_finite_scores_are_all_equal_are_told(table):
    finite = [{value for value in row if np.isfinite(value)} for row in table]
    assert all_equal(np.array(table, dtype=np.float32)).tolist() == [len(found) <= 1 for found in finite]


@settings(deadline=None)
@given(tables, st.integers(0, 12), st.data())
def test_the_best_of_what_is_left_are_those_of_a_naive_loop(table, k, data):
    width = len(table[0])
    mask = st.none() | st.lists(st.booleans(), min_size=width, max_size=width)
    known, allowed = data.draw(mask), data.draw(mask)
    seen = data.draw(st.lists(st.tuples(st.integers(0, len(table) - 1), st.integers(0, width - 1)), max_size=9))
    left = [
        [
            float("-inf")
            if (row, column) in seen or not all(one is None or one[column] for one in (known, allowed))
            else value
            for column, value in enumerate(values_)
        ]
        for row, values_ in enumerate(table)
    ]
    pairs = np.array(seen, dtype=np.int64).reshape(-1, 2).T
    masks = [None if one is None else np.array(one) for one in (known, allowed)]
    columns, best = top_k_left(np.array(table, dtype=np.float32), k, (pairs[0], pairs[1]), *masks)
    for row, found, scores in zip(left, columns.tolist(), best.tolist(), strict=True):
        expected = naive(row, k)
        assert found == padded(expected, k)
        assert scores == [row[column] for column in expected] + [float("-inf")] * (k - len(expected))
