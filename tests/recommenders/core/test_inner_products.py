"""The best inner products, against all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.embeddings import Embeddings
from graph.errors import ModelError
from recommenders.core.inner_products import HEAD, InnerProducts
from recommenders.core.top_k import Floats
from recommenders.factorisation import Als
from tests import checkerboard
from tests.recommenders.core.test_one_user import agrees, cases


@settings(deadline=None)
@given(cases(), st.sampled_from([4, 2 * HEAD]), st.sampled_from([0.0, 0.3, 3.0]), st.sampled_from([0.0, 0.5]))
def test_nothing_is_missed_among_what_is_too_short_to_reach_the_best(case, dim, spread, biases):
    rng, width, k, closed = case
    count = 40 * width
    vectors = (rng.standard_normal((count, dim)) * rng.lognormal(0.0, spread, (count, 1))).astype(np.float32)
    vectors *= rng.lognormal(0.0, spread, dim).astype(np.float32)
    bias = (biases * rng.standard_normal(count)).astype(np.float32)
    vector = rng.standard_normal(dim).astype(np.float32)
    row = vectors.astype(np.float64) @ vector + bias
    size = 1.0 + float(np.linalg.norm(vectors, axis=1).max() * np.linalg.norm(vector))
    agrees(InnerProducts(vectors, bias).scores_of(vector), row, k, closed, size)


def test_sums_keep_their_digits_where_products_cancel():
    rng = np.random.default_rng(0)
    vectors, wide = (30.0 * rng.standard_normal((1, 40))).astype(np.float32), rng.standard_normal(40)
    wide -= np.linalg.pinv(vectors) @ (vectors @ wide)  # orthogonal
    vector: Floats = wide.astype(np.float32)
    total, squares = InnerProducts(vectors).scores_of(vector).sums()
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
    agrees(InnerProducts(vectors, bias).scores_of(vector), row, k, closed, size)


@settings(deadline=None)
@given(cases())
def test_equal_products_come_by_number(case):
    _, width, k, closed = case
    best = InnerProducts(np.ones((width, 3), dtype=np.float32)).scores_of(np.ones(3, dtype=np.float32)).best(k, closed)
    assert best.tolist() == np.setdiff1d(np.arange(width), closed)[:k].tolist()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_number_that_is_none_is_refused_and_hides_nothing(wrong):
    vectors = np.ones((3, 2), dtype=np.float32)
    vectors[1, 0] = wrong
    with pytest.raises(ModelError, match="finite"):
        InnerProducts(vectors)
    with pytest.raises(ModelError, match="finite"):
        InnerProducts(np.ones((3, 2), dtype=np.float32), np.array([0.0, wrong, 0.0]))
    with pytest.raises(ModelError, match="finite"):
        InnerProducts(np.ones((3, 2), dtype=np.float32), users=vectors)


@pytest.mark.parametrize("array", ["users", "contents"])
def test_a_model_with_a_vector_that_is_not_finite_answers_nobody(array):
    model = Als(factors=4).fit(checkerboard.snapshot())
    wrong = np.array(model.learned[array])
    wrong[3, 1] = np.nan
    model.learned[array] = wrong
    with pytest.raises(ModelError, match="finite"):
        model.one_user(0)
    vectors = [np.asarray(model.learned[name]) for name in ("users", "contents")]
    network = Embeddings(*vectors, *np.zeros((2, checkerboard.SIZE), dtype=np.float32))
    with pytest.raises(ModelError, match="finite"):
        network.one_user(np.ones(4, dtype=np.float32))
