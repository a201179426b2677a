"""What all models of one snapshot share."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import scipy.sparse as sp

from recommenders.core.interactions import interactions
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
