"""The network of watch ratios: what each loss and option brings on ratios whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommenders.ratio_network import Network, Rows, features_apart, video_features
from recommenders.ratio_training import TrainingSettings, train

USERS, VIDEOS = 60, 40
SETTINGS = TrainingSettings(factors=8, hidden=16, epochs=12, batch=64, rate=0.01)


def rows(count: int = 3000, seed: int = 0) -> Rows:
    """Two tastes: 1.5 where user and video share one, else .3; a tenth of the rows is watched ten times."""
    random = np.random.default_rng(seed)
    users, videos = random.integers(0, USERS, count), random.integers(0, VIDEOS, count)
    ratios = np.where(users % 2 == videos % 2, 1.5, 0.3) * random.uniform(0.8, 1.2, count)
    return Rows(users, videos, ratios.astype(np.float32))


def fitted(settings: TrainingSettings, given: Rows | None = None, friends: sp.csr_array | None = None) -> Network:
    features = np.random.default_rng(1).normal(size=(VIDEOS, 3)).astype(np.float32)
    given = given or rows()
    return train(given, (USERS, VIDEOS), features, settings, friends=friends, progress=lambda share, what: None)


@pytest.mark.parametrize(
    "changed",
    [{}, {"loss": "l1"}, {"loss": "wlr"}, {"ranking": "pairwise"}, {"ranking": "listwise"}, {"balance": 0.5}],
    ids=str,
)
def test_every_loss_learns_the_two_tastes(changed: dict[str, object]) -> None:
    network = fitted(TrainingSettings(**{**vars(SETTINGS), **changed}))
    new = rows(500, seed=9)
    told = network.predict(new.users, new.videos)
    shared = new.users % 2 == new.videos % 2
    assert np.quantile(told[shared], 0.1) > np.quantile(told[~shared], 0.9)
    assert abs(told - new.ratios).mean() < 0.35  # they stay on the scale of ratios; the mean alone gives .6
    some = np.arange(5)
    np.testing.assert_allclose(
        network.scores(some), network.predict(np.repeat(some, VIDEOS), np.tile(np.arange(VIDEOS), 5)).reshape(5, -1),
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip


def test_rows_of_rare_ratios_are_drawn_more_often() -> None:
    random = np.random.default_rng(0)
    ratios = np.where(random.random(4000) < 0.05, 4.0, 0.1).astype(np.float32)
    given = Rows(random.integers(0, USERS, 4000), random.integers(0, VIDEOS, 4000), ratios)
    plain, balanced = (
        fitted(TrainingSettings(**{**vars(SETTINGS), "epochs": 3, "balance": balance}), given).predict(
            given.users, given.videos
        )
        for balance in (0.0, 1.0)
    )
    assert balanced.mean() > plain.mean() + 0.5  # half of what is drawn is 4


def test_a_user_without_rows_gets_the_taste_of_friends() -> None:
    known = rows()
    known = known.keep(known.users >= 10)
    follows = np.arange(10)
    friends = sp.csr_array(
        (np.ones(40), (np.repeat(follows, 4), np.concatenate([20 + one % 2 + np.arange(4) * 2 for one in follows]))),
        shape=(USERS, USERS),
    )
    videos = np.tile(np.arange(VIDEOS), 10)
    users = np.repeat(follows, VIDEOS)
    shared = users % 2 == videos % 2

    def apart(network: Network) -> float:
        told = network.predict(users, videos)
        return float(told[shared].mean() - told[~shared].mean())

    assert apart(fitted(SETTINGS, known, friends)) > 0.4
    assert abs(apart(fitted(SETTINGS, known))) < 0.3


def test_a_row_s_own_ratio_is_not_among_its_features() -> None:
    given = rows(200)
    seconds = np.full(VIDEOS, 10.0, dtype=np.float32)
    apart = features_apart(given, seconds, {})
    own = apart.features[apart.fold[0], given.videos[0]]
    changed = given.ratios.copy()
    changed[0] += 50.0
    again = features_apart(Rows(given.users, given.videos, changed), seconds, {})
    np.testing.assert_array_equal(again.features[again.fold[0], given.videos[0]], own)
    assert not np.array_equal(
        video_features(given, seconds), video_features(Rows(given.users, given.videos, changed), seconds)
    )


def test_features_do_not_hand_labels_to_videos_of_one_row() -> None:
    random = np.random.default_rng(0)
    count = 600
    given = Rows(random.integers(0, USERS, count), np.arange(count), random.gamma(1.5, 0.5, count).astype(np.float32))
    seconds = np.full(2 * count, 10.0, dtype=np.float32)
    features = video_features(given, seconds)
    new = Rows(random.integers(0, USERS, count), np.arange(count, 2 * count), given.ratios)
    settings = TrainingSettings(**{**vars(SETTINGS), "epochs": 5})

    def told(**how: object) -> float:
        network = train(given, (USERS, 2 * count), features, settings, progress=lambda share, what: None, **how)  # type: ignore[arg-type]
        return float(network.predict(new.users, new.videos).mean())

    assert told() < 0.5 * given.ratios.mean()  # no row, so no watch time, so nothing watched: the notebook's fault
    assert told(apart=features_apart(given, seconds, {})) == pytest.approx(given.ratios.mean(), abs=0.25)
