"""Where the network starts: the directions against a dense decomposition, and what a start is worth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from gnn import fitting, spectral
from gnn.config import GnnConfig
from gnn.recipe import RECIPE
from gnn.spectral import leading_directions
from graph import schema
from tests import checkerboard


def weights(users: int, contents: int, seed: int) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    dense = rng.random((users, contents)) * (rng.random((users, contents)) < 0.3)
    return sp.csr_array(dense.astype(np.float32))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12), st.integers(0, 1000))
def test_products_are_the_best_approximation_of_the_scaled_matrix(users, contents, count, seed):
    matrix = weights(users, contents, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectral, "RECIPE", RECIPE.model_copy(update={"spectral_longest": np.inf, "spectral_rounds": 30}))
        left, right = leading_directions(matrix, count, seed + 1)
    dense = matrix.toarray().astype(np.float64)
    scaled = dense.copy()
    for axis in (0, 1):
        sums = dense.sum(axis=axis)
        scaled /= np.sqrt(np.expand_dims(sums + (sums[sums > 0].mean() if sums.any() else 1.0), axis))
    values = np.linalg.svd(scaled, compute_uv=False)
    assert np.linalg.norm(scaled - left @ right.T) <= 1.01 * np.linalg.norm(values[count:]) + 0.02
    assert left.shape[1] == right.shape[1] <= count
    for side in (left, right):
        np.testing.assert_allclose(side.T @ side, np.diag(values[: side.shape[1]]), atol=0.05)
    assert not left[dense.sum(axis=1) == 0].any()
    assert not right[dense.sum(axis=0) == 0].any()


def test_pairs_that_only_have_each_other_take_no_directions_from_the_rest():
    rng = np.random.default_rng(0)
    tastes = np.kron(np.eye(4), np.ones((25, 25))) * (rng.random((100, 100)) < 0.4)
    matrix = sp.csr_array(sp.block_diag((tastes, np.eye(60))).astype(np.float32))
    users, contents = leading_directions(matrix, 8)
    for rows in (users, contents):
        lengths = np.linalg.norm(rows, axis=1)
        assert lengths.max() < 4 * lengths[:100].mean()
        unit = rows[:100] / lengths[:100, None]
        near = (unit @ unit.T).reshape(4, 25, 4, 25).mean(axis=(1, 3))
        assert (np.diag(near) > 0.5).all()
        assert (near[~np.eye(4, dtype=bool)] < 0.2).all()


@pytest.mark.parametrize("label", [schema.USER, schema.CONTENT])
def test_whoever_watched_starts_there_and_nobody_else_moves(label):
    snapshot = checkerboard.snapshot()
    watched = snapshot.watched
    ends = watched.source if label == schema.USER else np.asarray(watched.target)
    run = fitting.make_trainer(GnnConfig(dim=32, heads=2), snapshot.with_edges(watched.keep(ends != 0)))
    before = run.network.embeddings[label].detach().clone()
    run.place_ids()
    after = run.network.embeddings[label].detach()
    assert after[0].equal(before[0])
    assert (after[1:, 0] != before[1:, 0]).all()
    assert after[:, checkerboard.SIZE :].equal(before[:, checkerboard.SIZE :])  # there are no more directions
    average = run.average[next(i for i, p in enumerate(run.parameters) if p is run.network.embeddings[label])]
    assert average.equal(after)


@pytest.mark.parametrize("init", ["spectral", "random"])
def test_ids_alone_know_the_checkerboard_before_the_first_step(init):
    run = fitting.make_trainer(GnnConfig(dim=16, heads=2, layers=0, init=init), checkerboard.snapshot())
    run.place_ids()
    users, contents, _ = run.embed()
    scores = (users @ contents.T).numpy()
    watched = checkerboard.snapshot().interactions().toarray() > 0
    told_apart = scores[watched].min() > scores[~watched].max()
    assert told_apart == (init == "spectral")
