"""Engagement, times and profiles: what the network is told of them, and that its steps keep to the order of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from gnn import fitting, trainer
from gnn.features import edge_ages, edge_features, half_lives, node_features, watch_weights
from gnn.loss import softmax_loss
from gnn.recommender import GraphNetwork
from gnn.topology import Topology
from gnn.watches import Watches
from graph.snapshot import NO_TIME, Edges, Snapshot
from graph.snapshot.ages import DAY
from recommenders.core.today import Today
from tests import checkerboard
from tests.conformance import odd
from tests.gnn.test_training import EVERYONE, SMALL
from tests.networks import trained


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    pairs = np.array(checkerboard.watched_pairs(), dtype=np.int32)
    rng = np.random.default_rng(0)
    newest = 1_700_000_000_000
    watched = pl.DataFrame(
        {
            "source": pairs[:, 0],
            "target": pairs[:, 1],
            "engagement": rng.random(len(pairs), dtype=np.float32),
            "lastAt": newest - rng.integers(0, 90 * 86_400_000, len(pairs)),
        }
    )
    users = pl.DataFrame(
        {
            "userId": checkerboard.users(),
            "friendCount": range(20),
            "isSinger": [True] * 20,
            "createdAt": [None, *(newest - day * 86_400_000 for day in range(1, 20))],
        }
    )
    contents = pl.DataFrame(
        {
            "contentId": checkerboard.contents(),
            "kind": ["keak", "beat"] * 10,
            "viewCount": range(20),
            "duration": [None] * 20,
        },
        schema_overrides={"duration": pl.Float64},
    )
    follows = pl.DataFrame({"source": [0, 1, 2, 3], "target": [2, 3, 4, 5], "since": [newest, 0, newest // 2, None]})
    return Snapshot.build({"User": users, "Content": contents}, {"WATCHED": watched, "FOLLOWS": follows})


def test_features_are_what_varies_and_no_outcome(snapshot):
    found = node_features(snapshot).values
    assert found["User"].shape == (20, 2)  # age, and whether it is known; friends are an outcome, all are singers
    assert found["Content"].shape == (20, 2)  # one column a kind: views are an outcome, durations unknown
    assert all(np.isfinite(values).all() for values in found.values())


def test_what_was_watched_to_the_end_and_lately_weighs_more(snapshot):
    features, weights = (
        edge_features(snapshot, edge_ages(snapshot))["WATCHED"],
        watch_weights(snapshot, edge_ages(snapshot)),
    )
    assert features.shape == (len(snapshot.watched), 2)
    engagement, fresh = features.T
    both = (engagement > 0.7) & (fresh > 0.7)
    neither = (engagement < 0.3) & (fresh < 0.3)
    assert weights[both].min() > weights[neither].max()


def test_new_follows_are_told_from_old_ones(snapshot):
    described = edge_features(snapshot, edge_ages(snapshot))
    found = described["FOLLOWS"]
    assert found.shape == (4, 1)
    np.testing.assert_allclose(found[:, 0], [1.0, 2**-3, 2**-1.5, 2**-3], rtol=1e-3)  # one without a time is old
    links = {
        link.name: link.features for link in Topology(snapshot, edge_features(snapshot, edge_ages(snapshot))).links
    }
    assert links["FOLLOWS"] == links["rev_FOLLOWS"] == 1


def test_with_a_cutoff_there_are_only_the_edges_from_before_it(snapshot):
    ages = edge_ages(snapshot)
    described, halved = edge_features(snapshot, ages), half_lives(ages)
    topology, rng = Topology(snapshot, described), np.random.default_rng(0)
    recency = described["WATCHED"][:, -1]
    cutoffs = {"WATCHED": float(np.sort(recency)[len(recency) // 2]), "FOLLOWS": 0.4}
    past = snapshot.with_edges(
        snapshot.watched.keep(recency <= cutoffs["WATCHED"]),
        snapshot.follows.keep(described["FOLLOWS"][:, -1] <= 0.4),
    )
    for drawn in (topology.dropped(rng, 0.0, None, cutoffs), topology.sampled(rng, 99, 0.0, cutoffs=cutoffs)):
        for link in Topology(past).links:
            cut, naive = drawn[link.name], Topology(past).whole[link.name]
            assert sorted(zip(cut.source.tolist(), cut.target.tolist(), strict=True)) == sorted(
                zip(naive.source.tolist(), naive.target.tolist(), strict=True)
            )
        features = drawn["WATCHED"].features
        assert features is not None
        assert features[:, -1].max() == pytest.approx(1.0)  # as recent as it was then
    assert halved["WATCHED"] == pytest.approx(30, abs=1)  # a third of ninety days


def test_there_is_something_to_learn_though_most_was_watched_on_one_day(snapshot):
    last = np.full(len(snapshot.watched), 100 * DAY)
    last[::20] = 0
    watched = pl.DataFrame(
        {"source": snapshot.watched.source, "target": np.asarray(snapshot.watched.target), "lastAt": last}
    )
    nodes = {label: snapshot.nodes[label].frame for label in ("User", "Content")}
    crowded = Snapshot.build(nodes, {"WATCHED": watched})
    run = fitting.make_trainer(SMALL, crowded)
    assert {run.watches.draw_cutoff(run.batches.rng) for _ in range(100)} == {None}
    ids, _ = trained(SMALL, crowded, epochs=40).recommend(EVERYONE, 1)
    assert (ids[:, 0] == EVERYONE).mean() > 0.8


def test_what_has_no_time_is_learned_from_at_any_moment(snapshot):
    last = np.asarray(snapshot.watched.columns["lastAt"]).copy()
    last[::3] = NO_TIME
    columns = {**snapshot.watched.columns, "lastAt": last}
    edges = snapshot.watched
    partly = snapshot.with_edges(Edges(edges.type, edges.indptr, edges.target, edges.width, columns))
    run = fitting.make_trainer(SMALL, partly)
    for _ in range(20):
        cutoff = run.watches.draw_cutoff(run.batches.rng)
        assert cutoff is not None
        _, _, weight = run.watches.of(EVERYONE, cutoff)
        assert (weight[::3] > 0).all()
        assert (weight == 0).any()


def test_follows_of_a_step_were_there_by_its_moment(snapshot):
    run = fitting.make_trainer(SMALL, snapshot)
    for age in (10, 40, 80):  # days before the newest watch
        cutoffs = run.batches.by_type(2.0 ** (-age / run.batches.half_lives["WATCHED"]))
        before = run.topology.dropped(run.batches.rng, 0.0, None, cutoffs)["FOLLOWS"].count
        newest = np.asarray(snapshot.watched.columns["lastAt"]).max()
        since = np.asarray(snapshot.follows.columns["since"])
        assert before == (since <= newest - age * DAY).sum()


def test_no_step_sees_what_it_is_to_predict(snapshot, monkeypatch):
    run = fitting.make_trainer(SMALL.model_copy(update={"edge_dropout": 0.0, "cold": 0.0}), snapshot)
    seen: list[set[tuple[int, int]]] = []
    wanted: list[set[tuple[int, int]]] = []
    of, dropped = Watches.of, Topology.dropped

    def watches(self, users, cutoff):
        indptr, content, weight = of(self, users, cutoff)
        rows = np.repeat(users, np.diff(indptr))
        wanted.append({(u, c) for u, c, w in zip(rows.tolist(), content.tolist(), weight, strict=True) if w})
        return indptr, content, weight

    def relations(self, *told):
        found = dropped(self, *told)
        messages = found["WATCHED"]
        seen.append(set(zip(messages.source.tolist(), messages.target.tolist(), strict=True)))
        return found

    monkeypatch.setattr(Watches, "of", watches)
    monkeypatch.setattr(Topology, "dropped", relations)
    for _ in range(10):
        run.epoch()
    everything = set(checkerboard.watched_pairs())
    assert all(past and future and past | future == everything for past, future in zip(seen, wanted, strict=True))
    assert not any(past & future for past, future in zip(seen, wanted, strict=True))
    assert len({len(past) for past in seen}) > 5


def test_contents_that_were_new_at_a_steps_moment_are_placed_as_new_ones(snapshot):
    run = fitting.make_trainer(SMALL.model_copy(update={"cold": 1e-6}), snapshot)
    watched = snapshot.watched
    recency = np.asarray(run.watches.recency)
    firsts = sorted(float(recency[np.asarray(watched.target) == content].min()) for content in range(20))
    for cutoff in (firsts[3], firsts[10], firsts[16]):
        before = {int(content) for content, then in zip(watched.target, recency, strict=True) if then <= cutoff}
        unseen = run.watches.unseen(cutoff)
        assert set(np.flatnonzero(~unseen).tolist()) == before
        drawn = np.mean([run.batches.draw_cold(cutoff)["Content"] for _ in range(200)], axis=0)
        assert unseen.any()
        assert (drawn[~unseen] == 0).all()
        np.testing.assert_allclose(drawn[unseen], 0.5, atol=0.15)
    assert not run.batches.draw_cold(None)["Content"].any()


def test_a_step_knows_which_contents_were_new_at_its_moment(snapshot, monkeypatch):
    run = fitting.make_trainer(SMALL.model_copy(update={"cold": 1e-6}), snapshot)
    first = float(np.min(np.asarray(run.watches.recency)))
    monkeypatch.setattr(Watches, "draw_cutoff", lambda self, rng: first)
    told = []
    relations = run.batches._relations

    def spied(users: Any, cold: Any, cutoffs: Any) -> Any:
        told.append(cold)
        return relations(users, cold, cutoffs)

    monkeypatch.setattr(run.batches, "_relations", spied)
    run.step(EVERYONE)
    assert told[0]["Content"].any()


def test_contents_are_new_until_their_first_watch():
    recency = np.array([0.2, 0.5, 0.9, np.inf, 0.4], dtype=np.float32)  # inf: at a time that is not known
    content = np.array([0, 1, 1, 2, 2], dtype=np.int32)
    watches = Watches(np.array([0, 5]), content, np.ones(5, dtype=np.float32), 4, recency)
    assert watches.unseen(0.1).tolist() == [True, True, False, True]
    assert watches.unseen(0.3).tolist() == [False, True, False, True]
    assert watches.unseen(0.5).tolist() == [False, False, False, True]


def test_new_contents_are_as_likely_from_the_start_as_others_are_on_average(snapshot, monkeypatch):
    seen = []

    def spied(*given: Any) -> torch.Tensor:
        seen.append(given[-1])
        return softmax_loss(*given)

    monkeypatch.setattr(trainer, "softmax_loss", spied)
    watched = snapshot.watched
    fewer = snapshot.with_edges(watched.keep((np.asarray(watched.target) != 3) & (watched.source > watched.target)))
    run = fitting.make_trainer(SMALL.model_copy(update={"cold": 0.5, "in_time": False}), fewer)
    watches = np.bincount(fewer.watched.target, minlength=20)
    mean = float(run.bias[watches > 0].mean())
    np.testing.assert_allclose(run.bias[watches == 0], mean)
    assert len(np.unique(run.bias[watches > 0])) > 5
    run.step(EVERYONE)
    new = seen[0] == mean
    assert 2 < new.sum() < 18  # half of them, drawn for this step
    np.testing.assert_allclose(seen[0][~new], run.bias[~new])
    bare = fitting.make_trainer(SMALL, odd([(0, 0), (1, 0)], []))  # no features to be placed by
    assert bare.bias[0] == 0
    assert (bare.bias[1:] < 0).all()


def test_it_says_whether_it_can_place_newcomers(snapshot, tmp_path):
    taught = trained(SMALL, snapshot, epochs=1)
    taught.save(tmp_path / "model")
    untaught = trained(SMALL.model_copy(update={"cold": 0.0}), snapshot, epochs=1)
    bare = trained(SMALL, checkerboard.snapshot(), epochs=1)
    for network in (taught, GraphNetwork.load(tmp_path / "model", snapshot)):
        assert network.places_newcomers
        assert network.places_contents
    for network in (untaught, bare):
        assert not network.places_newcomers
        assert not network.places_contents


def test_it_trains_on_them(snapshot):
    ids, _ = trained(SMALL, snapshot, epochs=40).recommend(EVERYONE, 1)
    assert (ids[:, 0] == EVERYONE).mean() > 0.8


def test_bare_pairs_have_no_features():
    bare = checkerboard.snapshot()
    assert node_features(bare).values == {}
    assert edge_features(bare, edge_ages(bare)) == {}
    assert set(watch_weights(bare, edge_ages(bare)).tolist()) == {1.0}
    assert half_lives(edge_ages(bare)) == {}


def test_the_vector_of_now_is_the_trained_one_where_nothing_happened(snapshot):
    """The features of edges count: without them the vectors differ."""
    model = trained(SMALL, snapshot, epochs=30)
    vectors = np.asarray(model.artifact.embeddings.users)
    for user in range(20):
        moved = model.moved_vector(Today.of(snapshot, user))
        assert moved is not None
        assert float(moved @ vectors[user]) > 0.999


def test_the_vector_of_now_follows_what_is_watched(snapshot):
    model = trained(SMALL, snapshot, epochs=30)
    then = Today.of(snapshot, 4)
    other = np.setdiff1d(np.arange(1, 20, 2), then.watched)[:3]  # of the colour that the user does not watch
    now = then.with_watches(other, np.ones(3, dtype=np.float32))
    before, after = model.moved_scores(then), model.moved_scores(now)
    assert before is not None
    assert after is not None
    odd_ones = np.setdiff1d(np.arange(1, 20, 2), other)
    even_ones = np.arange(0, 20, 2)
    assert after[odd_ones].mean() - after[even_ones].mean() > before[odd_ones].mean() - before[even_ones].mean()
