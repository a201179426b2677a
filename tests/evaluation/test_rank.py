from __future__ import annotations

import numpy as np
import pytest

from evaluation import splits
from evaluation.metrics import precision
from evaluation.rank import rank
from recommenders.core.ndcg import judge
from tests import checkerboard
from tests.evaluation.scored import Scored, network


def test_the_best_come_first_and_training_contents_never():
    split = splits.random(checkerboard.snapshot(), 0.3, seed=0)
    ranked = rank(Scored(lambda users, contents: -contents + 0 * users).fit(split.train), split, 5)
    seen = split.train.interactions()
    for user, row in zip(split.users, ranked, strict=True):
        expected = [c for c in range(checkerboard.SIZE) if not seen[user, c]][:5]
        assert row.tolist() == expected


def test_ties_get_what_chance_gets_whatever_the_order_of_the_files():
    """400 users hold the first 5 of 51 contents out: by file order equal scores would look perfect."""
    watches = [(u, c, 100 if c < 5 else 0) for u in range(400) for c in (0, 1, 2, 3, 4, 5 + u % 45)]
    split = splits.temporal(network(watches, contents=51), cutoff=50)
    last = Scored(lambda users, contents: np.where(contents == 50, -1, 0) + 0 * users)  # all others are equal
    model = last.fit(split.train)
    found = precision(judge(rank(model, split, 10, seed=1), split.held_out[split.users]), 10)
    assert found.mean() == pytest.approx(5 / 49, rel=0.15)
    assert found.std() > 0  # everyone has a draw of their own


def test_the_order_of_ties_repeats_with_the_seed():
    split = splits.random(checkerboard.snapshot(), 0.3)
    model = Scored(lambda users, contents: (contents > 9) + 0 * users).fit(split.train)
    assert (rank(model, split, 5, seed=4) == rank(model, split, 5, seed=4)).all()
    assert (rank(model, split, 5, seed=4) != rank(model, split, 5, seed=5)).any()


def test_a_score_that_is_not_a_number_is_never_recommended():
    split = splits.random(checkerboard.snapshot(), 0.3)
    model = Scored(lambda users, contents: np.where(contents == 3, np.nan, contents) + 0 * users).fit(split.train)
    assert not (rank(model, split, 20) == 3).any()


def test_a_model_that_scores_everything_the_same_gets_what_is_popular():
    split = splits.random(network([(u, c, 0) for u in range(9) for c in range(9) if c <= u]), 0.3)
    ranked = rank(Scored(lambda users, contents: 7 + 0 * (users + contents)).fit(split.train), split, 9, seed=2)
    watchers, seen = np.bincount(split.train.watched.target, minlength=9), split.train.interactions()
    for user, row in zip(split.users, ranked, strict=True):
        counts = watchers[row[row >= 0]].tolist()
        assert counts == sorted((watchers[c] for c in range(9) if not seen[user, c]), reverse=True)
