"""One user's scores in each form, against the row of all scores."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.core.one_user import FewScores, FixedScores, OneUser


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
