"""Scores that follow what a known user has done since the training, against formulas written another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY
from recommenders.core.interactions import interactions, row_of, symmetric_social
from recommenders.core.today import Today
from recommenders.ease import Ease, UserEase
from recommenders.factorisation import Als
from recommenders.friends import FriendsItems
from recommenders.gf_cf import GfCf
from recommenders.knn import ItemKnn, UserKnn
from tests import checkerboard
from tests.recommenders.test_ease import random_snapshot, textbook

NEWEST = 1_700_000_000_000
USER = 3


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Thirty people and contents, engagement and times that vary."""
    rng = np.random.default_rng(1)
    pairs = np.argwhere(rng.random((30, 30)) < 0.2).astype(np.int32)
    follows = np.array([pair for pair in np.argwhere(rng.random((30, 30)) < 0.1) if pair[0] != pair[1]], np.int32)
    watched = {
        "source": pairs[:, 0],
        "target": pairs[:, 1],
        "engagement": rng.random(len(pairs), dtype=np.float32),
        "lastAt": NEWEST - rng.integers(0, 90 * DAY, len(pairs)),
    }
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(30)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(30)}),
    }
    edges = {
        "WATCHED": pl.DataFrame(watched),
        "FOLLOWS": pl.DataFrame({"source": follows[:, 0], "target": follows[:, 1]}),
    }
    return Snapshot.build(nodes, edges)


def later(snapshot: Snapshot, *, again: bool = True) -> Today:
    """Two new watches and, with ``again``, an old one with another engagement."""
    then = Today.of(snapshot, USER)
    new = np.setdiff1d(np.arange(snapshot.contents.count), then.watched)[[0, 3]]
    contents = np.append(new, then.watched[:1]) if again else new
    return then.with_watches(contents, np.array([0.9, 0.4, 0.7], dtype=np.float32)[: len(contents)])


def test_what_changed_is_the_row_of_now_less_that_of_then(snapshot):
    now = later(snapshot)
    changed = now.change.toarray()[0]
    places = dict(zip(now.watched.tolist(), now.places.tolist(), strict=True))
    assert np.flatnonzero(changed).tolist() == [content for content, place in sorted(places.items()) if place < 0]
    assert len(np.flatnonzero(changed)) == 3
    np.testing.assert_allclose(changed, now.row.toarray()[0] - interactions(snapshot)[[USER]].toarray()[0], atol=1e-6)
    assert not Today.of(snapshot, USER).change.nnz


def test_what_is_new_has_not_faded_and_what_is_old_has(snapshot):
    now = later(snapshot)
    watched = snapshot.watched
    weights = now.fading(30.0)
    assert (weights[now.places < 0] == 1.0).all()
    newest = int(np.asarray(watched.columns["lastAt"]).max())
    for weight, place in zip(weights, now.places, strict=True):
        if place >= 0:
            days = (newest - int(watched.columns["lastAt"][place])) / DAY
            assert weight == pytest.approx(0.5 ** (days / 30.0), rel=1e-3)
    assert (now.fading(0.0) == 1.0).all()


@pytest.mark.parametrize("friends", [0.0, 2.0])
def test_ease_explains_the_row_of_now_with_the_textbook_s_weights(snapshot, friends):
    watched = interactions(snapshot).toarray().astype(np.float64)
    social = np.sqrt(friends) * (symmetric_social(snapshot).toarray() + np.eye(len(watched)))
    weights = textbook(np.hstack([watched, social]), 20.0)
    now = later(snapshot)
    expected = (np.append(now.row.toarray()[0], social[USER]) @ weights)[: watched.shape[1]]
    model: Any = Ease(regularisation=20.0, friends=friends).fit(snapshot)
    np.testing.assert_allclose(model.moved_scores(now), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", [Ease, UserEase])
def test_ease_moves_alike_over_users_and_over_contents(kind):
    snapshot = random_snapshot()
    settings: dict[str, Any] = {"regularisation": 20.0, "friends": 0.0, "taper": 0.4, "discount": 0.2}
    now = later(snapshot, again=False)
    by_user = kind(**settings).fit(snapshot)
    by_content = kind(**settings, largest_side=29).fit(snapshot)
    kept = by_content.learned["kept"]
    nearly: Any = {"rtol": 0.05, "atol": 0.02}  # one content fewer is learned
    np.testing.assert_allclose(by_content.moved_scores(now)[kept], by_user.moved_scores(now)[kept], **nearly)
    one, two = (model.newcomer_scores(now.watched, *2 * [np.empty(0, np.int64)]) for model in (by_user, by_content))
    np.testing.assert_allclose(two[kept], one[kept], **nearly)


def test_ease_takes_a_newcomer_s_watches_as_a_row_of_ones():
    snapshot = random_snapshot()
    weights = textbook(snapshot.interactions().toarray().astype(np.float64), 20.0)
    watched, nobody = np.array([2, 9]), np.empty(0, dtype=np.int64)
    found: Any = Ease(regularisation=20.0, friends=0.0).fit(snapshot).newcomer_scores(watched, nobody, nobody)
    np.testing.assert_allclose(found, weights[watched].sum(axis=0), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("half_life", [0.0, 30.0])
def test_als_gives_the_factors_that_solve_for_the_row_of_now(snapshot, half_life):
    """From factors that are the best for what was learned, one step leads to the best for now."""
    model: Any = Als(factors=4, confidence=5.0, half_life=half_life, friends=0.0).fit(snapshot)
    contents = model.learned["contents"].astype(np.float64)

    def best(today: Today) -> Any:
        weights = np.ones(len(contents))
        weights[today.watched] = 5.0 * today.engagement * today.fading(half_life)
        liked = np.zeros(len(contents))
        liked[today.watched] = 1.0
        left = (contents.T * weights) @ contents + model.regularisation * np.eye(4)
        return np.linalg.solve(left, contents.T @ (weights * liked))

    model.learned["users"][USER] = best(Today.of(snapshot, USER))
    now = later(snapshot)
    np.testing.assert_allclose(model.moved_scores(now), best(now) @ contents.T, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", [ItemKnn(fashion=0.0), GfCf(factors=4, friends=0.0), GfCf(factors=4, friends=1.0)])
def test_models_that_are_linear_in_a_row_add_what_the_new_watches_bring(snapshot: Snapshot, model: Any) -> None:
    model = model.fit(snapshot)
    then = model.scores(np.array([USER]))[0]
    now = later(snapshot)
    change = now.change
    content, worth = change.indices[:1].astype(np.int64), change.data[:1].astype(np.float32)
    one = Today.of(snapshot, USER).with_watches(content, worth)
    step = model.moved_scores(one) - then
    halved = one.with_watches(content, (worth / 2).astype(np.float32))
    np.testing.assert_allclose(model.moved_scores(halved) - then, step / 2, rtol=1e-3, atol=1e-5)
    assert np.abs(step).max() > 0


def test_friends_that_are_followed_since_count_and_those_left_do_not(snapshot):
    model: Any = FriendsItems(weighting="same", half_life=0.0, second_degree=0.0).fit(snapshot)
    then = Today.of(snapshot, USER)
    friend = int(np.setdiff1d(np.arange(30), [*then.follows.tolist(), USER])[0])
    people = np.sort(np.append(then.follows[1:], friend))
    now = Today(snapshot, USER, then.watched, then.engagement, people)
    watched = interactions(snapshot)
    mean = model.learned["weights"][[USER]].toarray()[0][then.follows].mean()
    expected = mean * watched[people].sum(axis=0)
    np.testing.assert_allclose(model.moved_scores(now), expected, rtol=1e-4)
    alone = Today(snapshot, USER, then.watched, then.engagement, people[:0])
    assert model.moved_scores(alone) is None


def test_a_model_that_does_not_follow_says_so(snapshot):
    assert UserKnn(friends=0.0).fit(snapshot).moved_scores(later(snapshot)) is None


def test_rows_of_one_user_have_indices_as_wide_as_those_of_large_matrices(snapshot):
    """Otherwise a product with a large matrix copies all of that one's indices."""
    for row in (later(snapshot).row, row_of(np.array([4, 1, 4]), 30)):
        assert row.indices.dtype == row.indptr.dtype == np.int32
    assert row_of(np.array([4, 1, 4]), 30).toarray()[0].nonzero()[0].tolist() == [1, 4]
    assert row_of(np.array([4, 1, 4]), 30).toarray()[0, 4] == 2.0
