"""The feed as it is served, judged beside the model's own list."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import leaderboard, splits
from evaluation.contenders import Contender, named
from evaluation.served import with_feeds
from graph.errors import SettingsError
from graph.settings import Composition, Engagement
from graph.snapshot import Snapshot
from recommenders.core.effort import Cap
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from tests import checkerboard

ENGAGEMENT = Engagement()


def test_each_model_is_fitted_once_and_judged_by_its_list_and_by_its_feed() -> None:
    (inner,) = named(["item-knn"])
    fits: list[int] = []

    def counted(train: Snapshot, options: FitOptions) -> Recommender:
        fits.append(options.seed)
        return inner.fit(train, options)

    made = [splits.random(checkerboard.snapshot(), 0.3, seed) for seed in range(2)]
    contenders = with_feeds([Contender("knn", counted), *named(["popularity"])], ENGAGEMENT)
    board = leaderboard.evaluate(contenders, made, ks=(3,))
    assert {row.model for row in board.rows} == {"knn", "knn as served", "popularity", "popularity as served"}
    assert fits == [0, 1]
    by_name = {row.model: row.metrics["NDCG@3"].mean for row in board.rows}
    assert by_name["knn as served"] > 0.5
    assert by_name["popularity as served"] > by_name["popularity"], "the feed knows the people around one"


def test_the_feed_of_a_model_that_was_cut_short_says_so_too() -> None:
    contenders = with_feeds(named(["als"]), ENGAGEMENT)
    options = FitOptions(cap=Cap(1e-9))
    board = leaderboard.evaluate(contenders, [splits.random(checkerboard.snapshot(), 0.3)], ks=(3,), options=options)
    assert {row.model: row.capped for row in board.rows} == {"als": True, "als as served": True}


def test_a_feed_holds_nothing_of_the_training_and_nothing_masked() -> None:
    split = splits.random(checkerboard.snapshot(), 0.3, 5)
    (_, feeds) = with_feeds(named(["popularity"]), ENGAGEMENT)
    ids = feeds.rank(feeds.fit(split.train, FitOptions()), split, 4)
    for user, row in zip(split.users.tolist(), ids, strict=True):
        seen = split.train.watched.outgoing.of(user)
        assert not np.isin(row[row >= 0], seen).any()
    assert (ids >= 0).any(axis=1).all()
    assert ids.tolist() == feeds.rank(feeds.fit(split.train, FitOptions()), split, 4).tolist()


def test_a_feed_is_judged_with_the_weights_of_the_settings() -> None:
    split = splits.random(checkerboard.snapshot(), 0.3, 5)
    others = Composition(weights={"followed_activity": 0.0, "followed_makers": 0.0, "co_watch": 0.0, "trending": 0.0})
    (alone, usual), (_, weighed) = (
        with_feeds(named(["popularity"]), ENGAGEMENT, how) for how in (Composition(), others)
    )
    assert usual.recipe != weighed.recipe, "a kept ranking is of one composition"
    model = alone.fit(split.train, FitOptions())
    assert usual.rank(model, split, 3).tolist() != weighed.rank(model, split, 3).tolist()


def test_several_recommenders_are_judged_by_the_feed_that_they_make_together() -> None:
    split = splits.random(checkerboard.snapshot(), 0.3, 5)
    names = ["item-knn", "popularity"]

    def ranked(**shares: float) -> list[list[list[int]]]:
        made = with_feeds(
            named(names), ENGAGEMENT, Composition(recommenders=dict(zip(names, shares.values(), strict=True)))
        )
        assert made[-1].label == "item-knn + popularity as served"
        return [one.rank(one.fit(split.train, FitOptions()), split, 3).tolist() for one in made[1::2] + made[-1:]]

    knn, popular, mostly_knn = ranked(knn=1_000.0, popular=1.0)
    mostly_popular = ranked(knn=1.0, popular=1_000.0)[-1]
    assert knn != popular
    assert np.mean(np.array(mostly_knn) == knn) > 0.9
    assert np.mean(np.array(mostly_popular) == popular) > 0.9


def test_recommenders_of_the_settings_that_are_not_compared_are_named() -> None:
    how = Composition(recommenders={"item-knn": 1.0, "als": 1.0})
    with pytest.raises(SettingsError, match="not compared: als"):
        with_feeds(named(["item-knn"]), ENGAGEMENT, how)


def test_splits_of_whole_contents_are_refused() -> None:
    split = splits.cold_contents(checkerboard.snapshot(), 0.3, 5)
    (_, feeds) = with_feeds(named(["popularity"]), ENGAGEMENT)
    with pytest.raises(SettingsError, match="known users"):
        feeds.rank(feeds.fit(split.train, FitOptions()), split, 4)
