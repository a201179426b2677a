from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from graph.errors import ModelError
from ranking import pipeline
from ranking.candidates import gather, standardised
from ranking.config import CONFIG
from ranking.pipeline import Pipeline
from ranking.ranker import Ranker
from recommenders.core.config import CORE
from recommenders.core.effort import Cap, Effort
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.ease import Ease
from tests import checkerboard
from tests.conformance import RecommenderConformance, odd
from tests.killed import killed_at, told_to_the_end
from tests.recommenders.test_ease import random_snapshot

QUICK = FitOptions(effort=Effort.QUICK, share=0.1)


class TestPipeline(RecommenderConformance):
    places = None  # what validation gives a say
    options = FitOptions(effort=Effort.QUICK, share=0.02)

    @staticmethod
    def make():
        return Pipeline()


@pytest.fixture(scope="module")
def social():
    """Two circles of friends with a taste each, and a newcomer who follows one of them."""
    rng = np.random.default_rng(0)
    size = 60
    watched = [(u, c) for u in range(size - 1) for c in range(size) if u % 2 == c % 2 and rng.random() < 0.5]
    follows = [(u, v) for u in range(size) for v in range(size) if u % 2 == v % 2 and u != v and rng.random() < 0.2]
    return odd(watched, follows, size)


@pytest.fixture(scope="module")
def fitted(social):
    return Pipeline().fit(social, QUICK)


def test_newcomers_are_told_what_their_friends_watch(fitted):
    ids, _ = fitted.recommend(59, 10)
    assert all(content % 2 == 1 for content in ids.tolist())


def newcomer(model: Recommender, watched: list[int], follows: list[int]) -> Any:
    return model.newcomer_scores(*(np.array(nids, dtype=np.int64) for nids in (watched, follows, [])))


@pytest.fixture(scope="module")
def blended(social):
    """A pipeline that kept all of its models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "_with_newcomers", lambda needed, names: list(names))
        return Pipeline().fit(social, QUICK)


@pytest.mark.parametrize(("watched", "follows"), [([1, 3, 5], []), ([], [7, 9]), ([1, 3], [7])])
def test_who_came_after_the_training_is_told_contents_of_their_kind(blended, watched, follows):
    assert (np.argsort(-newcomer(blended, watched, follows))[:10] % 2 == 1).all()


@pytest.mark.parametrize(
    ("watched", "weights"),
    [([1, 3, 5], CONFIG.newcomers), ([], CONFIG.cold)],
    ids=["by what they watched", "by whom they follow alone"],
)
def test_who_came_after_the_training_is_told_what_the_models_that_can_tell_would_say(blended, watched, weights):
    expected, unseen = np.zeros(60), np.delete(np.arange(60), watched)
    for name, weight in weights.items():
        scores = newcomer(blended._first.models[name], watched, [7, 9]).astype(float)
        expected += weight * (scores - scores[unseen].mean()) / scores[unseen].std()
    np.testing.assert_allclose(newcomer(blended, watched, [7, 9])[unseen], expected[unseen], atol=1e-4)


def test_of_newcomers_popularity_alone_is_no_opinion(blended, monkeypatch):
    monkeypatch.setattr(blended._first, "models", {"popularity": blended._first.models["popularity"]})
    assert newcomer(blended, [1, 3], [7]) is None


def test_what_newcomers_are_served_from_is_kept(fitted):
    assert {"item-knn", "friends-items", "popularity"} <= fitted._first.models.keys()


def test_says_what_it_tried_and_why_it_chose(fitted):
    figures = fitted.metrics["NDCG@20 on validation"]
    assert {"ease", "als", "item-knn", "user-knn", "friends-items", "popularity", "gat", "blend"} <= set(figures)
    assert fitted.metrics["chosen"] in figures
    assert figures["ease"] > figures["popularity"]


def test_the_network_of_a_large_graph_goes_on_from_what_validation_chose(social, monkeypatch):
    monkeypatch.setattr("recommenders.core.effort.CORE", CORE.model_copy(update={"large_links": 100}))
    monkeypatch.setattr(pipeline, "_with_newcomers", lambda needed, names: list(names))  # whatever has a say here
    model = Pipeline().fit(social, QUICK)
    network: Any = model._first.models["gat"]
    assert network.config.layers == 1
    searched = model.metrics["settings"]["gat"]["epochs"]
    assert searched < network.best_epochs <= searched + -(-searched // 2)


_RUN = """
import sys
import time
from pathlib import Path
from gnn import fitting
from ranking.pipeline import Pipeline
from recommenders.core.effort import Effort
from recommenders.core.options import FitOptions
from tests import checkerboard
fitting._CHECKPOINT_EVERY_S = 0.0
def said(share, what):
    print(what, flush=True)
    if what.startswith(sys.argv[2]):
        time.sleep(100)
home = Path(sys.argv[1])
options = FitOptions(effort=Effort.QUICK, share=0.1, progress=said, checkpoint=home / "c")
Pipeline().fit(checkerboard.snapshot(), options).save(home / "model")
"""


def test_a_killed_search_goes_on_from_what_is_finished(tmp_path):
    """Killed in the network's search, and again when all is searched."""

    def finished() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in tmp_path.glob("c/*/*/search.json")}

    def search(told: list[str]) -> list[str]:
        return told[: next(place for place, said in enumerate(told) if said.startswith("blending the models"))]

    killed_at("epoch 2 ", _RUN, tmp_path)
    some = finished()
    second = search(killed_at("fitting popularity on everything", _RUN, tmp_path))
    assert next(said for said in second if said.startswith("epoch")).startswith("epoch 2 ")
    every = finished()
    assert some.items() <= every.items()
    assert {"popularity", "ease"} <= {file.parent.name for file in every}
    third = search(told_to_the_end(_RUN, tmp_path))
    assert not any(said.startswith(("epoch", "ease:")) for said in third)  # of the search, nothing is left to do
    assert finished() == every
    model = Pipeline.load(tmp_path / "model", checkerboard.snapshot())
    assert model.recommend(3, 1)[0].tolist() == [3]


def test_what_was_finished_with_other_settings_is_not_gone_on_from(tmp_path):
    Pipeline().fit(checkerboard.snapshot(), QUICK.but(checkpoint=tmp_path))
    (first,) = tmp_path.iterdir()
    (tmp_path / "of somebody else").mkdir()
    Pipeline().fit(checkerboard.snapshot(), QUICK.but(checkpoint=tmp_path, seed=1))
    (second,) = tmp_path.glob("search-*")
    assert first != second
    assert (tmp_path / "of somebody else").exists()


def test_what_was_left_damaged_is_searched_again(tmp_path):
    Pipeline().fit(checkerboard.snapshot(), QUICK.but(checkpoint=tmp_path))
    for file in tmp_path.rglob("*"):
        if file.is_file():
            os.truncate(file, file.stat().st_size // 2)
    model = Pipeline().fit(checkerboard.snapshot(), QUICK.but(checkpoint=tmp_path))
    assert model.recommend(3, 1)[0].tolist() == [3]


def test_a_trained_model_serves_without_torch(fitted, social, tmp_path):
    social.save(tmp_path / "snapshot")
    fitted.save(tmp_path / "model")
    program = (
        "import sys; from pathlib import Path; from graph import snapshot; from ranking.pipeline import Pipeline; "
        f"s = snapshot.load(Path({str(tmp_path / 'snapshot')!r})); "
        f"print(Pipeline.load(Path({str(tmp_path / 'model')!r}), s).recommend(0, 5)[0].tolist()); "
        "assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(fitted.recommend(0, 5)[0].tolist())


def test_blocks_of_users_change_nothing(fitted, monkeypatch):
    users = np.arange(10)
    whole = fitted.scores(users)
    monkeypatch.setattr("ranking.pipeline._BLOCK_VALUES", 60 * 9)
    np.testing.assert_allclose(fitted.scores(users), whole, rtol=1e-3, atol=1e-3)


def test_solves_a_larger_checkerboard_with_every_model_in_play():
    snapshot = checkerboard.snapshot(40)
    ids, _ = Pipeline().fit(snapshot, QUICK).recommend(np.arange(40), 1)
    assert (ids[:, 0] == np.arange(40)).mean() > 0.9


def test_a_forest_cut_short_is_told(social, fitted, tmp_path, monkeypatch):
    import lightgbm

    rng = np.random.default_rng(0)
    data = lightgbm.Dataset(rng.random((200, 3)), rng.random(200))
    forest = lightgbm.train({"verbosity": -1, "objective": "regression"}, data, 3)
    monkeypatch.setattr(fitted, "_second", replace(fitted._second, ranker=Ranker([forest], ["a", "b", "c"])))
    fitted.save(tmp_path / "model")
    Pipeline.load(tmp_path / "model", social)
    file = tmp_path / "model" / "forest-0.txt"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(ModelError, match="truncated"):
        Pipeline.load(tmp_path / "model", social)


def test_contents_that_ease_did_not_learn_leave_its_scores_as_distinct_as_they_are():
    """A sentinel for the unknown ones would take the float32 digits of the standardised scores."""
    snapshot = random_snapshot(60)
    model = Ease(largest_side=40, friends=0.0).fit(snapshot)
    known = model.known_contents
    assert known is not None
    assert known.sum() == 40
    users, seen = np.arange(60), sp.csr_array(snapshot.interactions().toarray())
    raw, table = model.scores(users), standardised(model, users, seen)
    for user in users:
        there = known & ~seen.toarray()[user].astype(bool)
        assert len(np.unique(table[user, there])) == len(np.unique(raw[user, there])) > 10
        assert table[user, there].mean() == pytest.approx(0.0, abs=1e-5)
        assert table[user, there].std() == pytest.approx(1.0, rel=1e-4)
    assert not table[:, ~known].any()  # at the mean
    candidates = gather({"ease": model}, users, snapshot.interactions(), 100)
    assert known[candidates.contents].all()
    ids, _ = model.recommend(users, 60)
    assert known[ids[ids >= 0]].all()
    assert (ids == -1).any()


def test_what_a_cap_left_out_is_told_in_the_manifest(social, tmp_path):
    hurried = Pipeline().fit(social, QUICK.but(cap=Cap(1e-9)))
    assert set(hurried.metrics["trials"]) == {"gat", "popularity"}
    hurried.save(tmp_path / "model")
    told = json.loads((tmp_path / "model/manifest.json").read_text())["metrics"]
    assert told["capped"]
    assert not Pipeline().fit(social, QUICK.but(cap=Cap(60.0))).metrics["capped"]


def test_the_manifest_holds_constants_and_the_threads_of_forests_and_one_without_them_is_read(social, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    file = tmp_path / "model" / "manifest.json"
    manifest = json.loads(file.read_text())
    assert manifest["config"]["forest"]["num_threads"] == 2
    assert manifest["core"] == CORE.model_dump(mode="json")
    del manifest["config"]["forest"]["num_threads"], manifest["core"]
    file.write_text(json.dumps(manifest))
    assert Pipeline.load(tmp_path / "model", social).recommend(0, 3)[0].tolist() == fitted.recommend(0, 3)[0].tolist()
