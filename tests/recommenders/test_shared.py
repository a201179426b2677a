"""What all models of one snapshot share."""

from __future__ import annotations

import gc
import weakref
from typing import Literal

import numpy as np
import scipy.sparse as sp

from recommenders.core.interactions import interactions
from recommenders.core.sequences import Sequences
from recommenders.friends import FriendsItems
from recommenders.knn import ItemKnn
from tests import checkerboard


def test_models_of_a_snapshot_share_one_matrix_that_goes_with_it():
    snapshot = checkerboard.snapshot()
    models = [FriendsItems().fit(snapshot), ItemKnn().fit(snapshot)]
    assert all(model.watched is interactions(snapshot) for model in models)
    assert not interactions(snapshot).data.flags.writeable
    assert interactions(checkerboard.snapshot()) is not interactions(snapshot)
    gone = weakref.ref(interactions(snapshot))
    del snapshot, models
    gc.collect()
    assert gone() is None


def test_indices_take_four_bytes():
    snapshot = checkerboard.snapshot()
    friends = FriendsItems().fit(snapshot)
    similar = ItemKnn().fit(snapshot)
    for matrix in (interactions(snapshot), friends.learned["weights"], similar.learned["similar"]):
        assert isinstance(matrix, sp.csr_array)
        assert matrix.indices.dtype == matrix.indptr.dtype == np.int32


def test_the_lists_of_everybody_are_those_of_each():
    model = ItemKnn().fit(checkerboard.snapshot())
    everybody = np.arange(checkerboard.SIZE)
    for heard in (False, True):
        alone = np.vstack([model.recommend(int(user), 5, exclude_seen=not heard)[0] for user in everybody])
        np.testing.assert_array_equal(model.recommend_all(5, heard=heard), alone)


def test_a_model_that_does_not_learn_from_lists_continues_one_as_it_recommends_to_a_newcomer():
    model = ItemKnn().fit(checkerboard.snapshot())
    nobody = np.empty(0, dtype=np.int64)
    lists = Sequences.of([[2, 4, 6], []], checkerboard.SIZE)
    scores = model.newcomer_scores(np.array([2, 4, 6]), nobody, nobody)
    assert scores is not None
    asked: list[tuple[Literal["all", "last"], list[int]]] = [("all", [2, 4, 6]), ("last", [6])]
    for exclude, gone in asked:
        left = scores.copy()
        left[gone] = -np.inf
        ids, best = model.complete(lists, 5, exclude=exclude)
        np.testing.assert_array_equal(best[0], np.sort(left)[::-1][:5])
        np.testing.assert_array_equal(left[ids[0]], best[0])
        assert (ids[1] == -1).all()
        assert np.isneginf(best[1]).all()
