from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluation import splits
from evaluation.rank import rank
from gnn.recommender import GatNetwork
from graph.errors import InputError, SettingsError
from graph.snapshot import NO_TIME, Snapshot
from ranking import pipeline, ranker, registry
from ranking.first_stage import Member
from ranking.pipeline import Pipeline
from recommenders.core.holdout import Holdout, validation
from recommenders.core.ndcg import mean_ndcg
from recommenders.plays import plays_of
from tests import checkerboard
from tests.conformance import odd
from tests.evaluation.scored import Counted, network

watches = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 9), st.integers(0, 1000)),
    min_size=12,
    unique_by=lambda w: (w[0], w[1]),
)


def pairs(snapshot: Snapshot) -> set[tuple[int, int]]:
    return set(zip(snapshot.watched.source.tolist(), snapshot.watched.target.tolist(), strict=True))


def held(split: Holdout) -> set[tuple[int, int]]:
    rows, columns = split.held_out.nonzero()
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


@settings(max_examples=50)
@given(watches, st.floats(0.2, 0.8), st.integers(0, 5))
def test_a_random_split_parts_every_users_watches(some, fraction, seed):
    whole = network(some)
    try:
        split = splits.random(whole, fraction, seed)
    except InputError:  # too few watches a user to hold any out
        return
    assert pairs(split.train) | held(split) == pairs(whole)
    assert not pairs(split.train) & held(split)
    for user in range(whole.users.count):
        mine = sum(u == user for u, _ in pairs(whole))
        out = sum(u == user for u, _ in held(split))
        assert abs(out - fraction * mine) <= 0.5 + 1e-9 or out == mine - 1
        assert mine == 0 or out < mine
    assert set(split.users.tolist()) == {u for u, _ in held(split)}
    again = splits.random(whole, fraction, seed)
    assert held(again) == held(split)


def test_another_seed_holds_out_other_contents():
    assert held(splits.random(checkerboard.snapshot(), seed=1)) != held(splits.random(checkerboard.snapshot(), seed=2))


@settings(max_examples=50)
@given(watches, st.floats(0.1, 0.9))
def test_a_split_in_time_trains_on_nothing_from_the_held_out_period(some, fraction):
    whole = network(some)
    try:
        split = splits.temporal(whole, fraction)
    except InputError:
        return
    assert split.cutoff is not None
    times = {(u, c): at for u, c, at in some}
    assert all(times[pair] < split.cutoff for pair in pairs(split.train))
    assert all(times[pair] >= split.cutoff for pair in held(split))
    assert pairs(split.train) | held(split) == pairs(whole)


def test_the_newest_fifth_is_held_out():
    split = splits.temporal(network([(u, c, 10 * u + c) for u in range(10) for c in range(10)]), 0.2)
    assert split.cutoff == 80
    assert held(split) == {(u, c) for u in (8, 9) for c in range(10)}


def test_what_was_watched_before_and_after_is_neither_learned_nor_judged_nor_recommended():
    nodes = {
        "User": pl.DataFrame({"userId": ["u0", "u1"]}),
        "Content": pl.DataFrame({"contentId": ["keaks/k0", "keaks/k1", "keaks/k2"]}),
    }
    watched = pl.DataFrame(
        {
            "source": [0, 0, 0, 1, 1],
            "target": [0, 1, 2, 1, 2],
            "firstAt": [10, 10, 60, 10, 10],
            "lastAt": [20, 70, 60, 20, 20],
        },
        schema_overrides={"source": pl.Int32, "target": pl.Int32},
    )
    split = splits.temporal(Snapshot.build(nodes, {"WATCHED": watched}), cutoff=50)
    assert pairs(split.train) == {(0, 0), (1, 1), (1, 2)}
    assert held(split) == {(0, 2)}
    assert rank(Counted().fit(split.train), split, 3).tolist() == [[2, -1, -1]]


def test_follows_made_since_the_cut_off_are_dropped_and_those_without_a_time_stay():
    nodes = {
        "User": pl.DataFrame({"userId": ["u0", "u1", "u2", "u3"]}),
        "Content": pl.DataFrame({"contentId": ["keaks/k0", "keaks/k1"]}),
    }
    types = {"source": pl.Int32, "target": pl.Int32}
    watched = pl.DataFrame({"source": [0, 0], "target": [0, 1], "lastAt": [10, 60]}, schema_overrides=types)
    follows = pl.DataFrame(
        {"source": [0, 0, 0], "target": [1, 2, 3], "since": [49, 50, NO_TIME]}, schema_overrides=types
    )
    split = splits.temporal(Snapshot.build(nodes, {"WATCHED": watched, "FOLLOWS": follows}), cutoff=50)
    assert split.train.follows.target.tolist() == [1, 3]


def test_counts_that_know_the_future_are_emptied_unless_kept():
    whole = network([(u, c, u + c) for u in range(4) for c in range(4)])
    frame = whole.contents.frame.with_columns(
        pl.Series("likeCount", [9, 8, 7, 6]), pl.Series("duration", [1.0, 2.0, 3.0, 4.0])
    )
    whole = Snapshot.build({"User": whole.users.frame, "Content": frame}, {"WATCHED": edges_frame(whole)})
    emptied = splits.temporal(whole, 0.3).train.contents.frame
    assert emptied["likeCount"].to_list() == [None] * 4
    assert emptied["duration"].to_list() == [1.0, 2.0, 3.0, 4.0]
    kept = splits.temporal(whole, 0.3, keep_counts=True).train.contents.frame
    assert kept["likeCount"].to_list() == [9, 8, 7, 6]


@pytest.mark.parametrize("hold_out", [splits.random, splits.temporal, splits.cold_users, splits.cold_contents])
def test_genres_that_sum_up_what_users_did_are_emptied_unless_kept(hold_out):
    whole = network([(u, c, u + c) for u in range(4) for c in range(4)])
    genres = pl.DataFrame({"source": [0, 3], "target": [0, 0]}, schema={"source": pl.Int32, "target": pl.Int32})
    whole = Snapshot.build(
        {**{label: nodes.frame for label, nodes in whole.nodes.items()}, "Genre": pl.DataFrame({"genreId": ["rap"]})},
        {"WATCHED": edges_frame(whole), "LISTENS_TO": genres, "CREATES_IN": genres},
    )
    emptied, kept = hold_out(whole, 0.3).train, hold_out(whole, 0.3, keep_counts=True).train
    assert [len(emptied.edges[name]) for name in ("LISTENS_TO", "CREATES_IN")] == [0, 0]
    assert emptied.manifest.edges["LISTENS_TO"] == 0
    assert [len(kept.edges[name]) for name in ("LISTENS_TO", "CREATES_IN")] == [2, 2]


def in_time(whole: Snapshot) -> Holdout:
    return splits.temporal(whole, cutoff=700)


def two_futures(
    users: int,
    contents: int,
    each: int,
    rng: np.random.Generator,
    cut: Callable[[Snapshot], Holdout] = in_time,
    cutoff: int = 700,
) -> tuple[Holdout, Holdout]:
    """A network cut in time, and the same one where everyone watches something else and follows others after the cut.

    Views and the genres that people listen to are counted over the whole of either, as an export's are.
    """
    source, target = (
        np.repeat(np.arange(users), each),
        np.concatenate([rng.permutation(contents)[:each] for _ in range(users)]),
    )
    at = rng.integers(1000, size=len(source))
    follower, followed = np.argwhere(rng.random((users, users)) < 4 / users).T
    since = rng.integers(0, 1000, len(follower))

    def future() -> Holdout:
        watched = np.where(at < cutoff, target, rng.integers(0, contents, len(target)))
        after = np.where(since < cutoff, followed, rng.integers(0, users, len(followed)))
        bare = network(list(zip(source.tolist(), watched.tolist(), at.tolist(), strict=True)))
        nodes = {label: node.frame for label, node in bare.nodes.items()}
        views = np.bincount(watched, minlength=contents)
        nodes["Content"] = nodes["Content"].with_columns(viewCount=pl.Series(views[: nodes["Content"].height]))
        nodes["Genre"] = pl.DataFrame({"genreId": ["rap", "soul"]})
        listens = {"source": source.astype(np.int32), "target": (watched % 2).astype(np.int32)}
        follows = {"source": follower.astype(np.int32), "target": after.astype(np.int32), "since": since}
        frames = {"WATCHED": edges_frame(bare), "FOLLOWS": pl.DataFrame(follows), "LISTENS_TO": pl.DataFrame(listens)}
        return cut(Snapshot.build(nodes, frames))

    real, other = future(), future()
    for label, nodes in real.train.nodes.items():
        assert nodes.frame.equals(other.train.nodes[label].frame)
    for type_, edges in real.train.edges.items():
        same = other.train.edges[type_]
        assert (len(edges), set(edges.columns)) == (len(same), set(same.columns))
        np.testing.assert_array_equal([edges.source, edges.target], [same.source, same.target])
        for name, column in edges.columns.items():
            np.testing.assert_array_equal(column, same.columns[name])
    assert abs(other.held_out - real.held_out).sum() > 0
    return real, other


def test_newcomers_are_the_same_whatever_happens_later():
    """Who is held out, and what is learned from, are the same; else the training part would know the future."""
    real, _ = two_futures(
        40, 40, 15, np.random.default_rng(2), lambda whole: splits.newcomers(whole, 0.3, seed=1), cutoff=830
    )
    assert real.cutoff is not None
    assert real.cutoff <= 830  # the newest fifth of the watches, which are spread evenly over a thousand


@pytest.mark.parametrize(
    "make",
    [
        Counted,
        lambda: GatNetwork(dim=16, heads=2, layers=2),
        *(lambda name=name: registry.make(name) for name in ("popularity", "friends-items", "item-knn", "als")),
    ],
)
def test_a_shuffled_future_gains_nothing(make):
    """What a model learns is the same whatever happens after the cut-off, so it cannot have seen it."""
    real, other = two_futures(30, 40, 15, np.random.default_rng(0))
    ranked = [rank(make().fit(split.train), real, 10, seed=3) for split in (real, other)]
    assert (ranked[0] == ranked[1]).all()
    figures = [mean_ndcg(ids, real.held_out[real.users], 10) for ids in ranked]
    assert figures[0] == pytest.approx(figures[1])


def test_a_shuffled_future_gains_the_pipeline_nothing(monkeypatch):
    """Search, blend and ranker included. One thread does all sums: two do not always add in the same order."""
    real, other = two_futures(160, 60, 20, np.random.default_rng(1))
    monkeypatch.setitem(ranker._SETTINGS, "num_threads", 1)
    quick = [Member("popularity", 0.1), Member("als", 0.1, {}), Member("item-knn", 0.1), Member("friends-items", 0.1)]
    monkeypatch.setattr(pipeline, "plan", lambda snapshot, **_: quick)  # the network by itself is tested above
    ranked, figures = [], []
    for split in (real, other):
        with threadpool_limits(1):
            model = Pipeline().fit(split.train)
        ranked.append(rank(model, real, 10, seed=3))
        figures.append(model.metrics["NDCG@20 on validation"])
    assert "blend + ranker" in figures[0]
    assert figures[0] == figures[1]
    assert (ranked[0] == ranked[1]).all()


def test_cold_users_have_no_watch_left_but_keep_their_friends():
    whole = checkerboard.snapshot()
    split = splits.cold_users(whole, 0.1, seed=1)
    assert len(split.users) == 2
    assert np.diff(split.train.watched.indptr)[split.users].sum() == 0
    assert split.train.follows.count == whole.follows.count


def test_newcomers_have_no_watch_left_and_are_judged_by_what_they_watch_next():
    # Everyone watched content 0 before the cut-off, held-out users too; 1 and 2 are watched after it.
    watches = [(u, 0, 1 + u) for u in range(10)] + [(10, 1, 5), (10, 2, 6), (10, 0, 7)]
    whole = network([*watches, *[(u, 1 + u % 2, 100 + u) for u in range(3)]])
    split = splits.newcomers(whole, 0.4, seed=0)
    assert split.cutoff == 100
    assert 0 < len(split.users) < 3
    assert (split.train.watched.columns["lastAt"] < 100).all()
    assert np.diff(split.train.watched.indptr)[split.users].sum() == 0
    assert {(u, c) for u, c in held(split) if u in split.users} == {(u, 1 + u % 2) for u in split.users.tolist()}
    ranked = rank(Counted().fit(split.train), split, 3)
    assert set(np.unique(ranked)) == {-1, 1, 2}  # not what they knew


def test_newcomers_are_not_judged_by_what_only_they_had_watched():
    watches = [(u, u % 2, 1 + u) for u in range(12)] + [(12, 2, 5)] + [(u, 2, 100 + u) for u in (0, 1, 2, 3)]
    alone = set()
    for seed in range(20):
        split = splits.newcomers(network([*watches, *[(u, 1 - u % 2, 100) for u in range(8)]]), 0.5, seed=seed)
        assert split.cutoff == 100
        assert {content for _, content in held(split)} <= set(split.train.watched.target.tolist())
        alone.add(12 not in split.train.watched.source and bool({0, 1, 2, 3} & set(split.users.tolist())))
    assert True in alone


def test_newcomers_need_times_and_somebody_who_comes():
    with pytest.raises(InputError, match="--split random"):
        splits.newcomers(checkerboard.snapshot())
    with pytest.raises(InputError, match="larger fraction"):
        splits.newcomers(network([*[(u, 0, 1 + u) for u in range(40)], (0, 1, 100), (1, 1, 2)]), 0.05, seed=1)


def test_cold_contents_have_no_watch_left_and_are_all_that_is_ranked():
    split = splits.cold_contents(checkerboard.snapshot(), 0.2, seed=1)
    assert split.allowed is not None
    cold = np.flatnonzero(split.allowed)
    assert len(cold) == 4
    assert not np.isin(split.train.watched.target, cold).any()
    ranked = rank(Counted().fit(split.train), split, 6)
    assert set(np.unique(ranked)) == {-1, *cold.tolist()}


def test_known_only_leaves_out_contents_that_training_never_saw():
    whole = network([(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 2, 4), (1, 1, 9), (0, 3, 9)])
    assert held(splits.temporal(whole, cutoff=5)) == {(1, 1), (0, 3)}
    assert held(splits.temporal(whole, cutoff=5, known_only=True)) == {(1, 1)}


def test_a_sample_judges_fewer_users_of_the_same_split():
    split = splits.random(checkerboard.snapshot())
    few = split.sample(5)
    assert len(few.users) == 5
    assert set(few.users) < set(split.users)
    assert split.sample(100) is split


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 1.5, float("nan")])
def test_a_fraction_outside_0_to_1_is_refused(fraction):
    for make in (splits.random, splits.temporal, splits.cold_users, splits.cold_contents, splits.newcomers):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            make(checkerboard.snapshot(), fraction)


def test_a_network_without_times_cannot_be_cut_in_time():
    with pytest.raises(InputError, match="--split random"):
        splits.temporal(checkerboard.snapshot())
    with pytest.raises(InputError, match="--split random"):
        splits.temporal(network([(0, 0, NO_TIME), (0, 1, NO_TIME)]))


def test_a_network_of_single_watches_has_nothing_to_hold_out():
    with pytest.raises(InputError, match="Nothing is left"):
        splits.random(network([(0, 0, 1), (1, 1, 2)]))


def edges_frame(snapshot: Snapshot) -> pl.DataFrame:
    watched = snapshot.watched
    return pl.DataFrame({"source": watched.source, "target": watched.target, "lastAt": watched.columns["lastAt"]})


def with_plays(whole: Snapshot) -> Snapshot:
    """A session for each user, in which all that they watched was played, and a watch ratio for each pair."""
    watched = whole.watched
    users = np.unique(watched.source)
    at = np.asarray(watched.columns["lastAt"], dtype=np.int64)
    of_pair = {"source": np.asarray(watched.source), "target": np.asarray(watched.target)}
    session = np.searchsorted(users, watched.source).astype(np.int32)
    place = np.arange(len(watched), dtype=np.int32)
    share = np.random.default_rng(0).random(len(watched)).astype(np.float32)
    frames = {
        "WATCHED": edges_frame(whole),
        "OPENED": pl.DataFrame({"source": users.astype(np.int32), "target": np.arange(len(users), dtype=np.int32)}),
        "PLAYED": pl.DataFrame({**of_pair, "source": session, "place": place, "share": share, "at": at}).with_columns(
            arm=pl.lit(None, pl.String), propensity=pl.lit(None, pl.Float32)
        ),
        "WATCH_RATIO": pl.DataFrame({**of_pair, "row": place, "ratio": share, "at": at}),
    }
    nodes = {label: found.frame for label, found in whole.nodes.items() if label in ("User", "Content")}
    sessions = pl.DataFrame({"sessionId": [f"s{n}" for n in range(len(users))]})
    return Snapshot.build({**nodes, "Session": sessions}, frames)


@pytest.mark.parametrize(
    "cut",
    [
        lambda whole: splits.random(whole, 0.3, 5),
        lambda whole: splits.temporal(whole, 0.3),
        lambda whole: splits.cold_users(whole, 0.3, 5),
        lambda whole: splits.cold_contents(whole, 0.3, 5),
        lambda whole: splits.newcomers(whole, 0.3, 5),
        lambda whole: validation(whole, 0.3, 5),
    ],
)
def test_plays_and_ratios_of_held_out_pairs_are_held_out_too(cut):
    rng = np.random.default_rng(3)
    some = [(u, int(c), int(rng.integers(1000))) for u in range(20) for c in rng.permutation(30)[:8]]
    whole = with_plays(network(some))
    assert len(plays_of(whole)) == len(whole.watched)
    train = cut(whole).train
    plays, ratios = plays_of(train), train.edges["WATCH_RATIO"]
    assert set(zip(plays.user.tolist(), plays.track.tolist(), strict=True)) == pairs(train)
    assert set(zip(ratios.source.tolist(), ratios.target.tolist(), strict=True)) == pairs(train)
    assert 0 < len(plays) < len(whole.watched)


def test_a_repeated_pair_is_held_out_once_or_not_at_all():
    """A snapshot that was built by hand may repeat pairs; an export never does."""
    repeated = odd(checkerboard.watched_pairs(8) * 2, [])
    split = splits.random(repeated, 0.3)
    assert split.held_out.nnz
    assert (split.held_out.data == 1).all()
    assert not split.held_out.multiply(split.train.interactions()).nnz
