"""NDCG, binary and graded, against a loop over the places of one user's list."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from recommenders.core.ndcg import discounts, judge, mean_ndcg, ndcg, ndcg_of_rows, places

CONTENTS, PLACES = 12, 8

rankings = st.lists(st.integers(0, CONTENTS - 1), max_size=PLACES, unique=True)
held = st.dictionaries(st.integers(0, CONTENTS - 1), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
people = st.lists(st.tuples(rankings, held), min_size=1, max_size=6)


def arrays(some: list[tuple[list[int], dict[int, float]]]) -> tuple[np.ndarray, sp.csr_array]:
    ids = np.full((len(some), PLACES), -1)
    values = np.zeros((len(some), CONTENTS), dtype=np.float32)
    for row, (ranked, gains) in enumerate(some):
        ids[row, : len(ranked)] = ranked
        for content, value in gains.items():
            values[row, content] = value
    return ids, sp.csr_array(values)


def naive(ranked: list[int], gains: dict[int, float], k: int, *, graded: bool) -> float:
    """NaN for a user with nothing held out."""
    gained = ideal = 0.0
    for place, content in enumerate(ranked[:k], start=1):
        if content in gains:
            gained += (gains[content] if graded else 1.0) / math.log2(place + 1)
    for place, value in enumerate(sorted(gains.values(), reverse=True)[:k], start=1):
        ideal += (value if graded else 1.0) / math.log2(place + 1)
    return gained / ideal if gains else math.nan


@given(people, st.integers(1, PLACES), st.booleans())
def test_ndcg_is_that_of_a_naive_loop(some, k, graded):
    ids, held_out = arrays(some)
    expected = [naive(ranked, gains, k, graded=graded) for ranked, gains in some]
    np.testing.assert_allclose(ndcg(judge(ids, held_out), k, graded=graded), expected, rtol=1e-6)
    judged = [value for value in expected if not math.isnan(value)]
    mean = sum(judged) / len(judged) if judged else 0.0
    assert mean_ndcg(ids, held_out, k, graded=graded) == pytest.approx(mean)


@given(people)
def test_the_order_of_the_held_out_columns_does_not_matter(some):
    ids, held_out = arrays(some)
    mixed = held_out.copy()
    for start, stop in zip(mixed.indptr[:-1], mixed.indptr[1:], strict=True):
        mixed.indices[start:stop] = mixed.indices[start:stop][::-1].copy()
        mixed.data[start:stop] = mixed.data[start:stop][::-1].copy()
    mixed.has_sorted_indices = False
    assert mean_ndcg(ids, mixed, 5, graded=True) == pytest.approx(mean_ndcg(ids, held_out, 5, graded=True))


def test_users_with_nothing_held_out_have_no_value_and_count_in_no_mean():
    ids, held_out = arrays([([0, 1], {0: 1.0}), ([0, 1], {}), ([2], {0: 1.0})])
    np.testing.assert_array_equal(ndcg(judge(ids, held_out), 5), [1.0, np.nan, 0.0])
    assert mean_ndcg(ids, held_out, 5) == pytest.approx(0.5)


def test_where_nothing_is_held_out_at_all_the_mean_is_zero():
    nothing = sp.csr_array(np.zeros((2, CONTENTS), dtype=np.float32))
    ids = np.arange(16).reshape(2, 8)
    judged = judge(ids, nothing)
    assert np.isnan(ndcg(judged, 5)).all()
    assert np.isnan(ndcg(judged, 5, graded=True)).all()
    assert mean_ndcg(ids, nothing, 5) == mean_ndcg(ids, nothing, 5, graded=True) == 0.0


def test_grades_matter_only_where_they_are_asked_for():
    ids, held_out = arrays([([0, 1], {0: 1.0, 1: 0.1}), ([1, 0], {0: 1.0, 1: 0.1})])
    binary, graded = ndcg(judge(ids, held_out), 2), ndcg(judge(ids, held_out), 2, graded=True)
    assert binary.tolist() == [1.0, 1.0]
    assert graded[0] == 1.0 > graded[1]


#: Rows of an owner each with a score, a gain and a draw; few different ones, so that many are equal.
rows = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.sampled_from([0.0, 0.0, 0.3, 1.0]),
        st.sampled_from("ab"),
    ),
    min_size=1,
    max_size=20,
)


@given(rows, st.integers(1, 6), st.booleans())
def test_ndcg_of_an_owner_s_own_rows_is_that_of_a_naive_loop(some, k, drawn):
    owners, scores, gains = (np.array(column) for column in list(zip(*some, strict=True))[:3])
    draw = np.array([float(ord(row[3])) for row in some]) if drawn else None
    place = places(owners, scores, draw)
    found = ndcg_of_rows(owners, place, gains, k)
    for owner in range(owners.max() + 1):
        own = [at for at in range(len(some)) if owners[at] == owner]
        ranked = sorted(own, key=lambda at: (-scores[at], 0.0 if draw is None else draw[at], at))
        assert [place[at] for at in ranked] == list(range(len(own)))
        above = {at: gains[at] for at in own if gains[at] > 0}
        assert found[owner] == pytest.approx(naive(ranked, above, k, graded=True), nan_ok=True)


def test_without_rows_there_are_no_places_and_no_values():
    nobody, nothing = np.empty(0, dtype=np.int64), np.empty(0)
    assert not len(places(nobody, nothing))
    assert not len(ndcg_of_rows(nobody, nobody, nothing, 5))


def test_discounts_are_those_of_the_first_places():
    np.testing.assert_allclose(discounts(3), [1.0, 1.0 / math.log2(3), 0.5])
