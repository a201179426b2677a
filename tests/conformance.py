"""What every recommender must do, proven in three lines: a subclass names a way to make it, pytest does the rest.

The right answer is that of `tests.checkerboard`: the best keak for user u is keak u.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from graph.errors import ModelError, ModelMismatch
from graph.snapshot import Snapshot
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from tests import checkerboard

__all__ = ["TIMINGS", "RecommenderConformance"]

LITTLE = FitOptions(share=0.02)
"""Work enough for twenty users."""

TIMINGS = frozenset({"seconds.json", "timing.json"})
"""For people to read; no model depends on them."""


class RecommenderConformance:
    """Subclass as ``TestX`` with ``make`` a function that returns a fresh recommender."""

    personal = True
    """False for a recommender that tells everyone the same."""
    options = LITTLE
    """What it is fitted with."""
    places: frozenset[str] | None = frozenset()
    """By what it can rank for people whom training never saw: watched, follows; None where that depends."""

    @staticmethod
    def make() -> Recommender:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def snapshot(cls) -> Snapshot:
        return checkerboard.snapshot()

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, snapshot: Snapshot) -> Recommender:
        return cls.make().fit(snapshot, cls.options)

    def test_solves_the_checkerboard(self, model):
        ids, _ = model.recommend(np.arange(checkerboard.SIZE), 1)
        if self.personal:
            assert ids[:, 0].tolist() == list(range(checkerboard.SIZE))
        else:
            assert (ids[:, 0] >= 0).all()

    def test_never_shows_what_was_seen(self, model):
        ids, scores = model.recommend(np.arange(checkerboard.SIZE), checkerboard.SIZE)
        seen = set(checkerboard.watched_pairs())
        assert not any((user, item) in seen for user, row in enumerate(ids.tolist()) for item in row)
        assert np.isneginf(scores[ids < 0]).all()
        assert (np.sort(scores, axis=1)[:, ::-1] == scores).all()

    def test_shows_what_was_seen_when_asked(self, model):
        ids, _ = model.recommend(0, checkerboard.SIZE, exclude_seen=False)
        assert sorted(ids.tolist()) == list(range(checkerboard.SIZE))

    def test_shows_only_what_is_allowed(self, model):
        allowed = np.zeros(checkerboard.SIZE, dtype=bool)
        allowed[[3, 4]] = True
        ids, _ = model.recommend(np.arange(checkerboard.SIZE), 5, allowed=allowed)
        assert set(ids.ravel().tolist()) <= {3, 4, -1}

    def test_one_user_gives_the_row_of_a_batch(self, model):
        batch, batch_scores = model.recommend(np.array([5, 2]), 3)
        one, one_scores = model.recommend(2, 3)
        assert one.shape == (3,)
        np.testing.assert_array_equal(one[one_scores > -np.inf][:1], batch[1][:1])
        np.testing.assert_allclose(one_scores[:1], batch_scores[1][:1], rtol=1e-4)

    def test_scores_are_finite_and_leave_the_model_alone(self, model):
        users = np.array([0, 7])
        first = np.array(model.scores(users))
        assert first.shape == (2, checkerboard.SIZE)
        assert np.isfinite(first).all()
        model.recommend(users, 3)
        np.testing.assert_array_equal(model.scores(users), first)

    @pytest.mark.parametrize("known", ["watched", "follows"])
    def test_newcomers_are_told_contents_of_their_kind_or_nothing(self, model, known):
        nobody = np.empty(0, dtype=np.int64)
        assert model.newcomer_scores(nobody, nobody, nobody) is None
        about = {"watched": nobody, "follows": nobody, known: np.array([2, 4, 6])}
        scores = model.newcomer_scores(**about, followers=nobody)
        assert self.places is None or (scores is not None) == (known in self.places)
        if scores is not None:
            assert scores.shape == (checkerboard.SIZE,)
            assert not self.personal or (np.argsort(-scores)[:5] % 2 == 0).all()

    def test_where_nothing_happened_the_scores_of_now_are_those_of_then(self, model, snapshot):
        for user in (0, 7):
            moved = model.moved_scores(Today.of(snapshot, user))
            if moved is None:
                continue
            then = model.scores(np.array([user]))[0]
            np.testing.assert_allclose(moved, then, rtol=5e-3, atol=5e-3 * np.abs(then).max())

    def test_the_form_for_one_user_has_the_scores_of_the_row(self, model, snapshot):
        if not model.has_one_user:
            with pytest.raises(NotImplementedError):
                model.one_user(0)
            return
        for user in (0, 7):
            one = model.one_user(user)
            row = model.scores(np.array([user]))[0]
            np.testing.assert_allclose(one.at(np.arange(len(row))), row, rtol=1e-4, atol=1e-5)
            now = model.one_user(user, Today.of(snapshot, user))
            then = one.at(np.arange(len(row)))
            np.testing.assert_allclose(now.at(np.arange(len(row))), then, rtol=5e-3, atol=5e-3 * np.abs(then).max())

    def test_similar_items_leave_the_item_out(self, model):
        ids, scores = model.similar_items(np.arange(4), 5)
        assert ids.shape == scores.shape == (4, 5)
        assert not any(item in row for item, row in enumerate(ids.tolist()))
        one, _ = model.similar_items(0, 5)
        assert one.shape == (5,)
        if self.personal:
            assert all(similar % 2 == item % 2 for item, row in enumerate(ids[:, :1].tolist()) for similar in row)

    def test_the_same_after_saving_and_loading(self, model, snapshot, tmp_path):
        model.save(tmp_path / "model")
        again = type(model).load(tmp_path / "model", snapshot)
        users = np.arange(checkerboard.SIZE)
        np.testing.assert_allclose(again.scores(users), model.scores(users), rtol=1e-4, atol=1e-5)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]

    def test_the_manifest_says_where_it_was_trained_and_whether_a_cap_ended_it(self, model, tmp_path):
        model.save(tmp_path / "model")
        manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
        assert manifest["environment"]["cores"] >= 1
        assert manifest["environment"]["numpy"] == np.__version__
        assert manifest.get("capped", manifest.get("metrics", {}).get("capped")) is False

    def test_refuses_another_graph(self, model, tmp_path):
        model.save(tmp_path / "model")
        with pytest.raises(ModelMismatch):
            type(model).load(tmp_path / "model", checkerboard.snapshot(22))

    def test_refuses_what_another_version_saved(self, model, snapshot, tmp_path):
        model.save(tmp_path / "model")
        file = tmp_path / "model" / "manifest.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 1}))
        with pytest.raises(ModelError, match="another version"):
            type(model).load(tmp_path / "model", snapshot)

    def test_refuses_a_damaged_artifact(self, model, snapshot, tmp_path):
        with pytest.raises(ModelError):
            type(model).load(tmp_path / "nothing", snapshot)
        model.save(tmp_path / "model")
        for file in tmp_path.joinpath("model").iterdir():
            if file.suffix == ".json":
                file.write_text(json.dumps({}))
        with pytest.raises(ModelError):
            type(model).load(tmp_path / "model", snapshot)

    def test_tells_every_file_that_was_cut_short(self, model, snapshot, tmp_path):
        model.save(tmp_path / "model")
        files = [file for file in (tmp_path / "model").rglob("*") if file.is_file()]
        for file in [file for file in files if file.name not in TIMINGS]:
            whole = file.read_bytes()
            file.write_bytes(whole[: len(whole) // 3])
            with pytest.raises(ModelError):
                type(model).load(tmp_path / "model", snapshot)
            file.write_bytes(whole)

    def test_says_when_it_is_not_fitted(self):
        with pytest.raises(ModelError):
            self.make().recommend(0, 1)

    def test_odd_data_still_gets_an_answer(self, odd_snapshot):
        model = self.make().fit(odd_snapshot, self.options)
        ids, scores = model.recommend(np.arange(odd_snapshot.users.count), 3)
        assert ids.shape == (odd_snapshot.users.count, 3)
        assert not np.isnan(scores).any()

    @pytest.fixture(params=["nobody follows", "repeats and strangers", "one watch each"])
    def odd_snapshot(self, request: pytest.FixtureRequest) -> Snapshot:
        """Small graphs of a kind that real exports hold."""
        watched = {
            "nobody follows": checkerboard.watched_pairs(8),
            "repeats and strangers": [*checkerboard.watched_pairs(6)] * 2,
            "one watch each": [(user, user % 3) for user in range(8)],
        }[request.param]
        follows = [] if request.param == "nobody follows" else [(0, 1), (0, 1), (6, 0), (7, 7)]
        return odd(watched, follows)


def odd(watched: list[tuple[int, int]], follows: list[tuple[int, int]], size: int = 8) -> Snapshot:
    """``size`` users and contents with just these edges, repeated ones included."""

    def frame(pairs: list[tuple[int, int]]) -> pl.DataFrame:
        source, target = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
        return pl.DataFrame({"source": source, "target": target})

    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": checkerboard.users(size)}),
            "Content": pl.DataFrame({"contentId": checkerboard.contents(size)}),
        },
        {"WATCHED": frame(watched), "FOLLOWS": frame(follows)},
    )
