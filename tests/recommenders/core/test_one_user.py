"""One user's scores in each form, against the row of all scores."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.core.one_user import FewScores, FixedScores, OneUser, Table
from recommenders.core.top_k import Floats


def agrees(one: OneUser, row: np.ndarray, k: int, closed: np.ndarray, size: float = 1.0) -> None:
    """Sums, scores and best contents are those of the row; of scores that differ by rounding either may come first.

    ``size`` is how large what is added up in a score may be.
    """
    wide = row.astype(np.float64)
    near = 1e-5 * max(size, float(np.abs(wide).max()))
    assert one.sums() == pytest.approx((wide.sum(), wide @ wide), rel=1e-4, abs=len(row) * near)
    some = np.arange(len(row))[::-1]
    np.testing.assert_allclose(one.at(some), row[some], atol=near)
    best = one.best(k, closed)
    open_ = np.setdiff1d(np.arange(len(row)), closed)
    expected = open_[np.lexsort((open_, -row[open_]))][:k]
    assert len(best) == len(expected)
    assert len(set(best.tolist())) == len(best)
    assert not set(best.tolist()) & set(closed.tolist())
    np.testing.assert_allclose(row[best], row[expected], atol=near)


@st.composite
def cases(draw):
    """A random generator, a number of contents, how many are wanted and which are closed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(1, 300))
    closed = np.flatnonzero(rng.random(width) < draw(st.sampled_from([0.0, 0.1, 1.0])))
    return rng, width, draw(st.integers(1, 60)), closed


@settings(deadline=None)
@given(cases(), st.sampled_from([0.0, 0.3, 3.0]), st.sampled_from([0.0, 0.5]))
def test_nothing_is_missed_among_what_is_too_short_to_reach_the_best(case, spread, biases):
    rng, width, k, closed = case
    count = 40 * width
    vectors = (rng.standard_normal((count, 4)) * rng.lognormal(0.0, spread, (count, 1))).astype(np.float32)
    bias = (biases * rng.standard_normal(count)).astype(np.float32)
    vector = rng.standard_normal(4).astype(np.float32)
    row = vectors.astype(np.float64) @ vector + bias
    size = 1.0 + float(np.linalg.norm(vectors, axis=1).max() * np.linalg.norm(vector))
    agrees(Table(vectors, bias).scores_of(vector), row, k, closed, size)


def test_sums_keep_their_digits_where_products_cancel():
    rng = np.random.default_rng(0)
    vectors, wide = (30.0 * rng.standard_normal((1, 40))).astype(np.float32), rng.standard_normal(40)
    wide -= np.linalg.pinv(vectors) @ (vectors @ wide)  # orthogonal
    vector: Floats = wide.astype(np.float32)
    total, squares = Table(vectors).scores_of(vector).sums()
    expected = vectors.astype(np.float64) @ vector.astype(np.float64)
    assert total == pytest.approx(expected.sum(), abs=1e-9)
    assert squares == pytest.approx(expected @ expected, abs=1e-9)


@settings(deadline=None)
@given(cases(), st.integers(1, 40), st.sampled_from([0.01, 1.0, 30.0]), st.booleans())
def test_products_bounded_by_bytes_are_those_of_the_vectors(case, dim, scale, biased):
    rng, width, k, closed = case
    vectors = (scale * rng.standard_normal((width, dim))).astype(np.float32)
    vectors[rng.random(width) < 0.1] = 0.0
    bias = rng.standard_normal(width).astype(np.float32) if biased else None
    vector = rng.standard_normal(dim).astype(np.float32)
    row = vectors.astype(np.float64) @ vector + (0.0 if bias is None else bias)
    size = 1.0 + float(np.linalg.norm(vectors, axis=1).max() * np.linalg.norm(vector))
    agrees(Table(vectors, bias).scores_of(vector), row, k, closed, size)


@settings(deadline=None)
@given(cases())
def test_equal_products_come_by_number(case):
    _, width, k, closed = case
    best = Table(np.ones((width, 3), dtype=np.float32)).scores_of(np.ones(3, dtype=np.float32)).best(k, closed)
    assert best.tolist() == np.setdiff1d(np.arange(width), closed)[:k].tolist()


@settings(deadline=None)
@given(cases(), st.sampled_from([0.0, 0.2, 0.9]))
def test_a_few_scores_are_a_row_of_zeros_but_for_these(case, share):
    rng, width, k, closed = case
    row = np.where(rng.random(width) < share, rng.integers(1, 5, width), 0).astype(np.float32)
    one = FewScores.of(sp.csr_array(row[None, :]))
    agrees(one, row, k, closed)
    open_ = np.setdiff1d(np.arange(width), closed)
    assert one.best(k, closed).tolist() == open_[np.lexsort((open_, -row[open_]))][:k].tolist()


@settings(deadline=None)
@given(cases())
def test_the_same_for_everybody(case):
    rng, width, k, closed = case
    row = rng.integers(0, 9, width).astype(np.float32)
    agrees(FixedScores(row), row, k, closed)
