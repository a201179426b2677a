from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from evaluation import breakdown, splits
from evaluation.metrics import recall
from recommenders.core.ndcg import judge
from tests import checkerboard
from tests.evaluation.scored import network


def test_every_judged_user_is_in_exactly_one_group():
    split = splits.random(checkerboard.snapshot(), 0.3)
    for groups in (breakdown.by_activity(split), breakdown.by_friends(split)):
        assert (np.sum([group.members for group in groups], axis=0) == 1).all()


def test_groups_are_named_by_what_training_knows_of_their_users():
    split = splits.cold_users(checkerboard.snapshot(), 0.2)
    assert [group.name for group in breakdown.by_activity(split)] == ["0"]
    assert [group.name for group in breakdown.by_friends(split)] == ["4–10"]


def test_head_middle_and_tail_stand_for_a_third_of_the_watches_each():
    watchers = np.array([30, 1, 10, 10, 10, 0, *[1] * 29])
    names = breakdown.strata(watchers)
    assert names[0] == "head"
    assert (names[2:5] == "middle").all()
    assert (names[6:] == "tail").all()
    assert names[5] == "new"


def test_recall_in_a_stratum_counts_only_its_contents_and_all_strata_make_up_the_whole():
    rng = np.random.default_rng(0)
    dense = (rng.random((8, 20)) < 0.3).astype(float)
    dense[:, 0] = 1.0
    held_out = sp.csr_array(dense)
    ids = np.array([rng.permutation(20)[:6] for _ in range(8)])
    popular = np.arange(20) < 7
    whole = recall(judge(ids, held_out), 6) * dense.sum(axis=1)
    parts = np.zeros(8)
    for mask in (popular, ~popular):
        here = dense[:, mask].sum(axis=1)
        parts += np.nan_to_num(breakdown.recall_in(ids, held_out, mask)) * here
    np.testing.assert_allclose(parts, whole)


def test_users_with_nothing_in_a_stratum_are_not_counted_there():
    held_out = sp.csr_array(np.array([[1.0, 0, 0], [0, 0, 1.0]]))
    found = breakdown.recall_in(np.array([[0, 1], [0, 1]]), held_out, np.array([True, False, False]))
    assert found[0] == 1
    assert np.isnan(found[1])


def test_strata_without_held_out_contents_are_left_out():
    split = splits.temporal(network([(0, 0, 1), (1, 0, 1), (2, 1, 1), (0, 2, 9)]), cutoff=5)
    assert list(breakdown.by_popularity(split)) == ["new"]
