"""The part held out: for validation and, thinned or sampled, for a quicker one."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.snapshot import NO_TIME, Snapshot
from recommenders.core.holdout import cut_in_order, validation
from tests import checkerboard
from tests.conformance import odd
from tests.evaluation.scored import network


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 0.5))
def test_at_random_every_user_keeps_most_and_nothing_is_lost(seed, share):
    rng = np.random.default_rng(seed)
    pairs = [(int(u), int(c)) for u, c in np.argwhere(rng.random((8, 8)) < 0.5)]
    snapshot = odd(pairs, [])
    found = validation(snapshot, share, seed)
    kept = found.train.interactions().toarray()
    np.testing.assert_array_equal(kept + found.held_out.toarray(), snapshot.interactions().toarray())
    degrees, held = np.bincount([u for u, _ in pairs], minlength=8), np.diff(found.held_out.indptr)
    assert (held[degrees < 3] == 0).all()
    assert (held[degrees >= 3] >= 1).all()
    assert (held <= degrees / 2).all()


@given(st.integers(0, 500))
def test_a_cut_in_order_gives_every_row_to_one_part_the_newest_to_the_last(count):
    train, chosen, held_out = (list(range(count))[part] for part in cut_in_order(count))
    assert train + chosen + held_out == list(range(count))
    assert len(train) == int(0.8 * count)
    assert abs(len(chosen) - 0.1 * count) < 1
    assert abs(len(held_out) - 0.1 * count) <= 1


def test_repeated_pairs_are_not_asked_for_when_they_are_known():
    snapshot = odd([*checkerboard.watched_pairs(8)] * 2, [])
    found = validation(snapshot, 0.4)
    assert not found.held_out.multiply(found.train.interactions()).nnz


def test_with_times_the_newest_are_held_out():
    count = 50
    frame = pl.DataFrame(
        {
            "source": [n % 5 for n in range(count)],
            "target": list(range(count)),
            "lastAt": list(range(count)),
            "engagement": [0.1 + n / 100 for n in range(count)],
        }
    )
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(5)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(count)}),
    }
    found = validation(Snapshot.build(nodes, {"WATCHED": frame}), 0.2)
    assert sorted(found.held_out.indices.tolist()) == list(range(40, 50))
    assert found.held_out.data.max() > 0.5  # the held-out value is the engagement
    assert found.train.manifest.cutoff == 39
    assert found.cutoff == 40


def test_what_was_watched_before_and_after_is_where_it_ended():
    frame = pl.DataFrame(
        {"source": [0] * 10, "target": list(range(10)), "firstAt": [*range(9), 3], "lastAt": list(range(10))}
    )
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(1)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(10)}),
    }
    found = validation(Snapshot.build(nodes, {"WATCHED": frame}), 0.3)
    assert sorted(found.held_out.indices.tolist()) == [7, 8, 9]
    assert found.train.manifest.cutoff == 6


def test_times_that_are_all_the_same_are_no_times():
    frame = pl.DataFrame({"source": [n % 5 for n in range(50)], "target": list(range(50)), "lastAt": [7] * 50})
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(5)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(50)}),
    }
    found = validation(Snapshot.build(nodes, {"WATCHED": frame}), 0.2)
    assert found.users.tolist() == [0, 1, 2, 3, 4]
    assert len(found.train.watched) == 40


def test_what_only_hindsight_knows_is_not_learned_from():
    count = 40
    times = [1_000 + n for n in range(count)]
    watched = pl.DataFrame({"source": [n % 5 for n in range(count)], "target": list(range(count)), "lastAt": times})
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(5), "friendCount": [1, 2, 3, 4, 5]}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(count), "likeCount": times}),
        "Genre": pl.DataFrame({"genreId": ["rap"]}),
    }
    edges = {
        "WATCHED": watched,
        "FOLLOWS": pl.DataFrame({"source": [0, 1, 2], "target": [1, 2, 3], "since": [1_001, 1_039, NO_TIME]}),
        "LISTENS_TO": pl.DataFrame({"source": [0], "target": [0]}),
    }
    train = validation(Snapshot.build(nodes, edges), 0.25).train
    assert train.manifest.cutoff == 1_029
    assert train.follows.source.tolist() == [0, 2]
    assert not len(train.edges["LISTENS_TO"])
    assert train.contents.frame["likeCount"].null_count() == count
    assert train.users.frame["friendCount"].null_count() == 5


@given(st.integers(0, 1000))
def test_another_future_leaves_the_training_part_as_it_is(seed):
    rng = np.random.default_rng(seed)
    users, contents, past, future = 6, 20, 60, 20

    def part(count: int, start: int, source: np.ndarray, target: np.ndarray) -> pl.DataFrame:
        times = start + np.arange(count)
        return pl.DataFrame({"source": source, "target": target, "lastAt": times, "engagement": (times % 7 + 1) / 8})

    pairs = rng.permutation(users * contents)[: past + future]
    before = part(past, 1_000, *np.divmod(pairs[:past], contents))
    follows = pl.DataFrame({"source": [0, 1, 2], "target": [1, 2, 3], "since": [1_001, 1_070, NO_TIME]})

    def trained_on(after: np.ndarray, met: int) -> Snapshot:
        source, target = np.divmod(after, contents)
        watched = pl.concat([before, part(future, 2_000, source, target)])
        later = pl.DataFrame({"source": [4], "target": [met], "since": [2_001]})
        listens = pl.DataFrame({"source": source, "target": target % 3}).unique(maintain_order=True)
        counts = np.bincount(watched["target"], minlength=contents)
        nodes = {
            "User": pl.DataFrame({"userId": checkerboard.users(users), "viewCount": np.bincount(watched["source"])}),
            "Content": pl.DataFrame({"contentId": checkerboard.contents(contents), "viewCount": counts}),
            "Genre": pl.DataFrame({"genreId": ["rap", "soul", "funk"]}),
        }
        edges = {"WATCHED": watched, "FOLLOWS": pl.concat([follows, later]), "LISTENS_TO": listens}
        return validation(Snapshot.build(nodes, edges), future / (past + future)).train

    real, other = trained_on(pairs[past:], 5), trained_on(rng.permutation(users * contents)[:future], 0)
    for label, nodes in real.nodes.items():
        assert nodes.frame.equals(other.nodes[label].frame)
    for type_, edges in real.edges.items():
        np.testing.assert_array_equal(edges.indptr, other.edges[type_].indptr)
        np.testing.assert_array_equal(edges.target, other.edges[type_].target)
        for name, column in edges.columns.items():
            np.testing.assert_array_equal(column, other.edges[type_].columns[name])


def test_thinned_keeps_what_its_users_have():
    snapshot = odd(checkerboard.watched_pairs(8), checkerboard.follow_pairs(8))
    whole = validation(snapshot, 0.3)
    fewer = whole.thinned(5)
    chosen = whole.train.users.nids(fewer.train.users.ids.to_list())
    assert len(chosen) == 5
    np.testing.assert_array_equal(fewer.held_out.toarray(), whole.held_out.toarray()[chosen])
    np.testing.assert_array_equal(fewer.train.interactions().toarray(), whole.train.interactions().toarray()[chosen])
    np.testing.assert_array_equal(
        fewer.train.social().toarray(), whole.train.social().toarray()[np.ix_(chosen, chosen)]
    )


def test_thinned_draws_nobody_without_watches():
    pairs = [(user, content) for user in (2, 5, 7) for content in range(6)]
    whole = validation(odd(pairs, [(0, 1), (2, 5)], 50), 0.3)
    for count in (2, 10):
        fewer = whole.thinned(count)
        assert set(fewer.train.users.ids.to_list()) <= {checkerboard.users(8)[user] for user in (2, 5, 7)}
        assert fewer.train.users.count == len(fewer.users) == min(count, 3)


def test_a_sample_judges_fewer_users_of_the_same_part():
    whole = validation(checkerboard.snapshot(), 0.3)
    few = whole.sample(5)
    assert len(few.users) == 5
    assert set(few.users) < set(whole.users)
    assert (few.train, few.held_out) == (whole.train, whole.held_out)
    assert few.users.tolist() == whole.sample(5).users.tolist()
    assert whole.sample(100) is whole


def test_another_seed_holds_out_another_part():
    first, again, other = (validation(checkerboard.snapshot(), seed=seed).held_out for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.toarray(), again.toarray())
    assert (first.toarray() != other.toarray()).any()


def test_the_newest_part_is_held_out_only_where_there_are_times():
    timed = validation(network([(u, c, 10 * c + u) for u in range(10) for c in range(10)]))
    assert timed.cutoff == 85
    assert timed.users.tolist() == list(range(10))
    assert validation(checkerboard.snapshot()).cutoff is None
    assert validation(network([(u, c, NO_TIME) for u in range(10) for c in range(10)])).cutoff is None


def test_where_nothing_can_be_held_out_nobody_is_judged():
    found = validation(odd([(user, user) for user in range(8)], []))
    assert not found.held_out.nnz
    assert not len(found.users)
    assert len(found.train.watched) == 8


def test_a_held_out_part_of_one_engagement_keeps_it():
    frame = pl.DataFrame(
        {
            "source": [n % 5 for n in range(50)],
            "target": list(range(50)),
            "lastAt": list(range(50)),
            "engagement": [0.1 + n / 100 for n in range(40)] + [0.25] * 10,
        }
    )
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(5)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(50)}),
    }
    found = validation(Snapshot.build(nodes, {"WATCHED": frame}), 0.2)
    assert found.held_out.data.tolist() == [0.25] * 10
