"""The pipeline's list for one user, made without a row of all contents, against the one made of such rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from graph.snapshot import Snapshot
from ranking import pipeline, second_stage
from ranking.candidates import collect, gather, standardise
from ranking.config import CONFIG
from ranking.first_stage import NETWORK, Member
from ranking.pipeline import Pipeline
from ranking.shortlist import candidates_of
from recommend import sources
from recommend.request import Deadline, Request
from recommenders.core.effort import Effort
from recommenders.core.one_user import FewScores, FixedScores
from recommenders.core.options import FitOptions
from recommenders.core.today import Today
from tests import checkerboard

MEMBERS = ("popularity", "als", "item-knn", "friends-items")
USERS, CONTENTS = 240, 320


@pytest.fixture(scope="module")
def fitted():
    """The models of a large graph and a ranker, on a graph with more contents than one feed asks for."""
    rng = np.random.default_rng(4)
    alike = np.arange(CONTENTS)[:, None] % 4 == np.arange(CONTENTS)[None, :] % 4
    watched = np.argwhere(rng.random((USERS - 2, CONTENTS)) < np.where(alike[: USERS - 2], 0.12, 0.01)).astype(np.int32)
    follows = np.argwhere((rng.random((USERS, USERS)) < 0.08) & alike[:USERS, :USERS]).astype(np.int32)
    follows = follows[follows[:, 0] != follows[:, 1]]
    kinds = ["beat" if content % 5 == 0 else "keak" for content in range(CONTENTS)]
    snapshot = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": checkerboard.users(USERS)}),
            "Content": pl.DataFrame({"contentId": checkerboard.contents(CONTENTS), "kind": kinds}),
        },
        {
            "WATCHED": pl.DataFrame({"source": watched[:, 0], "target": watched[:, 1]}),
            "FOLLOWS": pl.DataFrame({"source": follows[:, 0], "target": follows[:, 1]}),
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        members = [Member(NETWORK, 0.0), *(Member(name, 0.1) for name in MEMBERS)]
        patch.setattr(pipeline, "plan", lambda *_args, **_options: members)
        patch.setattr(second_stage, "CONFIG", CONFIG.model_copy(update={"ranker_margin": -1e9}))
        model = Pipeline().fit(snapshot, FitOptions(effort=Effort.QUICK, share=0.1))
    assert model._second.ranker is not None
    return model


def moved(model: Pipeline, user: int) -> Today:
    """Two new watches and one person fewer."""
    then = Today.of(model.snapshot, user)
    new = np.setdiff1d(np.arange(CONTENTS), then.watched)[[5, 40]]
    now = then.with_watches(new, np.array([0.9, 0.5], dtype=np.float32))
    return replace(now, follows=now.follows[1:])


@pytest.mark.parametrize("user", range(0, USERS - 2, 17))
def test_the_candidates_are_those_of_the_whole_rows(fitted, user):
    models = {name: fitted._first.models[name] for name in fitted._second.models}
    seen = fitted._context.watched[[user]].indices.astype(np.int64)
    found = candidates_of(user, [model.one_user(user) for model in models.values()], seen, CONTENTS, 30)
    whole = gather(models, np.array([user]), fitted._context.watched, 30)
    both, here, there = np.intersect1d(found.contents, whole.contents, return_indices=True)
    assert max(len(found.contents), len(whole.contents)) - len(both) <= 2  # equal scores may differ by rounding
    np.testing.assert_allclose(found.scores[here], whole.scores[there], atol=2e-4)


@pytest.mark.parametrize("scale", [1.0, 1e-13])
def test_scores_that_hardly_differ_count_as_equal_as_they_do_in_whole_rows(scale):
    few = FewScores(np.array([3, 9]), np.array([2.0, 1.0], dtype=np.float32) * np.float32(scale), 40)
    flat = FixedScores(np.full(40, 0.3, dtype=np.float32))
    seen = np.array([0, 5])
    row = sp.csr_array((np.ones(2, dtype=np.float32), ([0, 0], seen)), shape=(1, 40))
    tables = [standardise(one.at(np.arange(40))[None, :], row) for one in (few, flat)]
    whole = collect(tables, np.array([0]), row, 4, [None, None])
    found = candidates_of(0, [few, flat], seen, 40, 4)
    assert found.contents.tolist() == whole.contents.tolist()
    np.testing.assert_allclose(found.scores, whole.scores, atol=1e-5)


@pytest.mark.parametrize("after", [False, True])
def test_the_shortlist_is_the_head_of_the_whole_list(fitted, after):
    for user in range(0, USERS - 2, 7):
        today = moved(fitted, user) if after else None
        found, scores = fitted.shortlist(user, today)
        if today is None:
            ids = fitted.recommend(user, len(found))[0]
        else:
            row = fitted.moved_scores(today)
            row[today.watched] = -np.inf
            ids = np.argsort(-row, kind="stable")[: len(found)]
        assert len(np.intersect1d(found, ids)) >= len(ids) - 2
        assert len(np.intersect1d(found[:10], ids[:12])) >= 9  # a tree may jump where scores differ by rounding
        assert (np.diff(scores) <= 0).all()
        assert not set(found.tolist()) & set(Today.of(fitted.snapshot, user).watched.tolist())


def test_whoever_has_no_watches_has_no_shortlist(fitted):
    assert fitted.shortlist(USERS - 2) is None
    assert fitted.shortlist(0) is not None
    assert fitted.shortlist(0, least=150) is not None
    assert fitted.shortlist(0, least=151) is None  # five models with thirty candidates each


def test_without_a_ranker_and_with_a_model_of_whole_rows_there_is_none(fitted, monkeypatch):
    monkeypatch.setattr(fitted, "_second", replace(fitted._second, ranker=None))
    assert fitted.shortlist(0) is None
    monkeypatch.undo()
    monkeypatch.setattr(type(fitted._first.models["als"]), "has_one_user", False)
    assert fitted.shortlist(0) is None


def asked(fitted: Pipeline, kind: str | None, n: int) -> tuple[list[str], int]:
    user = fitted.snapshot.users.ids[3]
    request = Request("1", user, n, kind, frozenset(), False, Deadline(1_000))
    return [one.content_id for one in sources.best_for_known(fitted, request)], request.pool


def test_a_feed_comes_from_the_shortlist_alone_where_that_is_long_enough(fitted, monkeypatch):
    whole = fitted.recommend(3, 30)[0].tolist()
    monkeypatch.setattr(Pipeline, "scores", None)  # whoever scores whole rows fails
    found, pool = asked(fitted, None, 20)
    assert len(found) >= pool
    nids = fitted.snapshot.contents.nids(found).tolist()
    assert len(set(nids[:20]) & set(whole[:22])) >= 18


def test_where_too_few_of_the_shortlist_are_asked_for_whole_rows_are_scored(fitted):
    found, pool = asked(fitted, "beat", 20)
    assert all(fitted.snapshot.kinds[nid] == "beat" for nid in fitted.snapshot.contents.nids(found))
    assert len(found) > 40
    assert pool == 60
