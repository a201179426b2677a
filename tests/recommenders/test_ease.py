from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from graph.errors import ModelError
from graph.snapshot import Snapshot
from recommenders.core.interactions import symmetric_social
from recommenders.ease import Ease, EaseBlend, UserEase, invert
from tests.conformance import odd


def random_snapshot(size: int = 30, seed: int = 0) -> Snapshot:
    rng = np.random.default_rng(seed)
    watched = [(int(u), int(c)) for u, c in np.argwhere(rng.random((size, size)) < 0.2)]
    follows = [(int(u), int(v)) for u, v in np.argwhere(rng.random((size, size)) < 0.1) if u != v]
    return odd(watched, follows, size)


def textbook(matrix: npt.NDArray[np.float64], regularisation: float) -> npt.NDArray[np.float64]:
    """B of the EASE paper, with its zero diagonal."""
    inverse = np.linalg.inv(matrix.T @ matrix + regularisation * np.eye(matrix.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


@pytest.mark.parametrize("friends", [0.0, 2.0])
def test_the_small_inverse_gives_the_textbook_scores(friends):
    snapshot = random_snapshot()
    watched = snapshot.interactions().toarray().astype(np.float64)
    social = np.sqrt(friends) * (symmetric_social(snapshot).toarray() + np.eye(len(watched)))
    both = np.hstack([watched, social])
    expected = (both @ textbook(both, 20.0))[:, : watched.shape[1]]
    found = Ease(regularisation=20.0, friends=friends).fit(snapshot).scores(np.arange(len(watched)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_without_follows_the_weight_of_friends_changes_nothing_and_the_shorter_side_is_inverted():
    pairs = [(user, content) for user in range(30) for content in range(5) if (user + content) % 3]
    snapshot = odd(pairs, [], 30)
    few = Snapshot.build(
        {"User": snapshot.users.frame, "Content": snapshot.contents.frame.head(5)},
        {"WATCHED": pl.DataFrame(pairs, schema=["source", "target"], orient="row")},
    )
    with_friends, without = (Ease(friends=friends).fit(few) for friends in (1.0, 0.0))
    assert with_friends.learned["inverse"].shape == (5, 5)
    np.testing.assert_array_equal(with_friends.scores(np.arange(30)), without.scores(np.arange(30)))
    expected = snapshot.interactions().toarray()[:, :5].astype(np.float64)
    np.testing.assert_allclose(
        with_friends.scores(np.arange(30)), expected @ textbook(expected, 100.0), rtol=1e-4, atol=1e-5
    )


def test_contents_on_their_own_side_give_the_same_as_users_on_theirs():
    snapshot = random_snapshot()
    users = np.arange(snapshot.users.count)
    settings: dict[str, Any] = {
        "regularisation": 20.0,
        "friends": 0.0,
        "taper": 0.4,
        "correction": 0.6,
        "discount": 0.2,
    }
    by_user = Ease(**settings).fit(snapshot).scores(users)
    narrow = Ease(**settings, largest_side=29).fit(snapshot)
    assert len(narrow.learned["kept"]) == 29
    wide = odd([(int(u), int(c)) for u, c in np.argwhere(snapshot.interactions().toarray())], [], 31)
    by_content = Ease(**settings, largest_side=30).fit(wide).scores(users)[:, : snapshot.contents.count]
    watched = snapshot.interactions().sum(axis=0)
    np.testing.assert_allclose(by_content[:, watched > 0], by_user[:, watched > 0], rtol=1e-3, atol=1e-4)


def test_the_mirror_image_regresses_users_on_users():
    snapshot = random_snapshot()
    watched = snapshot.interactions().toarray().astype(np.float64)
    expected = textbook(watched.T, 20.0).T @ watched
    users = np.arange(len(watched))
    found = UserEase(regularisation=20.0, friends=0.0).fit(snapshot).scores(users)
    unseen = watched == 0
    own = np.linalg.inv(watched @ watched.T + 20.0 * np.eye(len(watched))) * 20.0
    np.testing.assert_allclose(
        (found / np.diag(own)[:, None])[unseen], expected[unseen], rtol=1e-4, atol=1e-5
    )  # equal up to each user's own factor, which changes no ranking


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_inverting_in_place_is_inverting(kind):
    rows = np.random.default_rng(1).random((600, 40))
    matrix = (rows @ rows.T + 3.0 * np.eye(600)).astype(kind)
    expected = np.linalg.inv(matrix.astype(np.float64))
    np.testing.assert_allclose(invert(matrix), expected, atol=2e-3 if kind == np.float32 else 1e-9)


def test_what_cannot_be_inverted_is_said():
    with pytest.raises(ModelError):
        invert(-np.eye(3))


@pytest.mark.parametrize("largest_side", [24_000, 20])
def test_the_blend_adds_up_both_regressions_made_comparable(largest_side):
    snapshot, users = random_snapshot(), np.arange(30)
    settings = {"regularisation": 20.0, "friends": 0.0, "largest_side": largest_side}
    model = EaseBlend(share=0.25, **settings).fit(snapshot)
    found = model.scores(users)
    known = np.arange(30) < 30 if (mask := model.known_contents) is None else mask
    assert known.sum() == min(30, largest_side)
    parts = [kind(**settings).fit(snapshot).scores(users)[:, known] for kind in (Ease, UserEase)]
    expected = sum(
        share * (part - part.mean(axis=1, keepdims=True)) / part.std(axis=1, keepdims=True)
        for share, part in zip((0.75, 0.25), parts, strict=True)
    )
    np.testing.assert_allclose(found[:, known], expected, rtol=1e-3, atol=1e-3)
