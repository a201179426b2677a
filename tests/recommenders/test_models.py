"""Known answers of single baselines, where the checkerboard is too even to tell."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import snapshot as snapshots
from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot.ages import DAY
from ranking import registry
from recommenders import friends
from recommenders.core.baseline import Baseline
from recommenders.core.config import CORE
from recommenders.core.interactions import interactions, lately, with_friends
from recommenders.core.options import silent
from recommenders.core.singular import right_singular_vectors
from recommenders.factorisation import Als, Bpr
from recommenders.friends import FriendsItems
from recommenders.gf_cf import GfCf
from recommenders.knn import ItemKnn, UserKnn, neighbours
from recommenders.play_cf import PlayCf
from recommenders.popularity import Popularity
from recommenders.watch_ratio import ratios_of
from tests import checkerboard
from tests.conformance import odd


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([0.0, 5.0]))
def test_neighbours_are_those_of_a_naive_loop(seed, k, shrink):
    rng = np.random.default_rng(seed)
    rows = (rng.random((9, 7)) < 0.4) * rng.random((9, 7)).astype(np.float32)
    found = neighbours(sp.csr_array(rows), k, shrink, silent).toarray()
    for one in range(9):
        expected = np.zeros(9)
        for other in range(9):
            dot = float(rows[one] @ rows[other])
            norms = float(np.linalg.norm(rows[one]) * np.linalg.norm(rows[other]))
            expected[other] = dot / (norms + shrink + 1e-9) if one != other else 0.0
        kept = found[one] > 0
        np.testing.assert_allclose(found[one][kept], expected[kept], rtol=1e-3, atol=1e-5)
        best = np.sort(expected)[::-1][:k]
        np.testing.assert_allclose(np.sort(found[one])[::-1][:k], best, rtol=1e-3, atol=1e-5)
        assert kept.sum() <= k


def test_a_pair_that_stands_twice_counts_once_with_its_highest_engagement():
    frame = pl.DataFrame({"source": [0, 0, 1], "target": [1, 1, 0], "engagement": [0.2, 0.9, 0.5]})
    snapshot = Snapshot.build(
        {"User": pl.DataFrame({"userId": ["a", "b"]}), "Content": pl.DataFrame({"contentId": ["keaks/a", "keaks/b"]})},
        {"WATCHED": frame},
    )
    np.testing.assert_allclose(interactions(snapshot).toarray(), [[0.0, 0.9], [0.5, 0.0]], rtol=1e-6)


def test_a_friend_with_the_same_taste_counts_more():
    # 0 follows 1 (same taste, brings 3) and 2 (no common taste, brings 4)
    snapshot = odd([(0, 0), (0, 1), (1, 0), (1, 1), (1, 3), (2, 6), (2, 4)], [(0, 1), (0, 2)])
    scores = FriendsItems().fit(snapshot).scores(np.array([0]))[0]
    assert scores[3] > scores[4] > 0 == scores[7]


@pytest.mark.parametrize("weighting", ["watched", "circle"])
def test_likeness_is_the_textbooks(weighting):
    rng = np.random.default_rng(5)
    watched, follows = rng.random((9, 9)) < 0.4, rng.random((9, 9)) < 0.3
    np.fill_diagonal(follows, False)
    pairs, between = ([(int(a), int(b)) for a, b in np.argwhere(m)] for m in (watched, follows))
    model = FriendsItems(weighting=weighting, ties="either", second_degree=0.0, floor=0.0)
    found = model.fit(odd(pairs, between, 9)).scores(np.arange(9))
    circles = (follows | follows.T).astype(float)
    vectors = watched.astype(float) if weighting == "watched" else circles
    shared, squares = vectors @ vectors.T, (vectors**2).sum(axis=1)
    norm = np.sqrt(np.outer(squares, squares)) if weighting == "watched" else np.add.outer(squares, squares) - shared
    expected = circles * shared / np.maximum(norm, 1e-9) @ watched
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_friends_of_friends_are_not_found_through_who_knows_everyone(monkeypatch):
    # 0 and 4 share friend 1, who has two; 0 and 2 … 7 share friend 8, who has all of them
    follows = [(0, 1), (1, 4), *((user, 8) for user in range(8) if user != 1)]
    watched = [(4, 3), (7, 6), (1, 0)]
    model = FriendsItems(second_degree=1.0, ties="either")
    every = model.fit(odd(watched, follows, 9)).scores(np.array([0]))[0]
    monkeypatch.setattr(friends, "CORE", CORE.model_copy(update={"friends_paths": 30}))
    fewer = model.fit(odd(watched, follows, 9)).scores(np.array([0]))[0]
    assert every[3] > every[6] > 0
    assert fewer[3] > fewer[6] == 0
    assert fewer[0] == every[0]


def test_newcomers_get_what_their_friends_watch_and_what_friends_of_friends_do():
    snapshot = odd([(1, 0), (2, 5)], [(0, 1), (1, 2), (1, 3)])
    ids, scores = FriendsItems().fit(snapshot).recommend(0, 2)
    assert ids.tolist() == [0, 5]
    assert scores[0] > scores[1] > 0


CLIQUES = (range(5), range(5, 10))


@pytest.mark.parametrize("kind", [Als, UserKnn, GfCf])
def test_people_are_known_by_their_friends_too(kind):
    """Users 4 and 9 watched nothing; what the others of their circle watched is likelier than what the others did."""
    watched = [(u, 2 * n + side) for side, circle in enumerate(CLIQUES) for u in circle[:4] for n in range(5)]
    follows = [(u, v) for circle in CLIQUES for u in circle for v in circle if u < v]

    def newcomers(snapshot: Snapshot, **settings: float) -> Any:
        """Whether both are told more of what their circle watched than of the rest, and whether both the same."""
        scores = kind(**settings).fit(snapshot).scores(np.array([4, 9]))
        above = [scores[0, ::2].mean() - scores[0, 1::2].mean(), scores[1, 1::2].mean() - scores[1, ::2].mean()]
        return min(above) > 1e-3, bool(np.allclose(scores[0], scores[1], atol=1e-6))

    assert newcomers(odd(watched, follows, 10)) == (True, False)
    assert newcomers(odd(watched, follows, 10), friends=0.0) == (False, True)
    assert newcomers(odd(watched, [], 10)) == (False, True)
    # Where watches have times, whom one follows is for friends' items to tell, unless it is asked for.
    late = dated([(user, content, 0) for user, content in watched] + [(0, 0, 9)], follows, 10)
    assert newcomers(late) == (False, True)
    assert newcomers(late, friends=1.0) == (True, False)


@pytest.mark.parametrize("kind", [Als, UserKnn, GfCf])
def test_who_neither_watched_nor_knows_anybody_is_told_what_everyone_is(kind):
    model = kind().fit(odd([*checkerboard.watched_pairs(6), (0, 0)], [(0, 2), (1, 3)], 9))
    strangers = model.scores(np.array([7, 8]))
    np.testing.assert_array_equal(strangers[0], strangers[1])
    assert np.isfinite(strangers).all()


def test_friends_stand_beside_contents_as_often_as_they_count():
    snapshot = odd([(0, 1), (2, 0)], [(0, 1), (1, 0), (2, 1)], 4)
    found = with_friends(snapshot, interactions(snapshot), 0.5).toarray()
    np.testing.assert_array_equal(found[:, :4], interactions(snapshot).toarray())
    expected = [[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0] * 4]
    np.testing.assert_array_equal(found[:, 4:], expected)


def test_a_filter_over_friends_outlives_a_graph_whose_follows_are_gone(tmp_path):
    pairs = checkerboard.watched_pairs(8)
    model = GfCf().fit(odd(pairs, [(0, 2), (1, 3)]))
    model.save(tmp_path / "model")
    alone = GfCf.load(tmp_path / "model", odd(pairs, []))
    assert alone.scores(np.arange(8)).shape == (8, 8)
    np.testing.assert_allclose(alone.scores(np.array([5])), model.scores(np.array([5])), rtol=1e-5)


def dated(watched: Sequence[tuple[int, int, int | None]], follows: list[tuple[int, int]], size: int = 5) -> Snapshot:
    """Watches of (user, content, day), all enjoyed the same."""
    source, target = np.array([pair[:2] for pair in watched]).T
    at = [NO_TIME if day is None else day * DAY for _, _, day in watched]
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(size)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(size)}),
    }
    frame = pl.DataFrame({"source": source, "target": target, "lastAt": at, "engagement": [0.5] * len(watched)})
    followers, followed = np.array(follows, dtype=np.int64).reshape(-1, 2).T
    return Snapshot.build(nodes, {"WATCHED": frame, "FOLLOWS": pl.DataFrame({"source": followers, "target": followed})})


def test_a_watch_counts_half_after_every_half_life():
    snapshot = dated([(0, 0, 0), (1, 1, 30), (2, 2, 90)], [])
    whole, half = interactions(snapshot).toarray(), lately(snapshot, 30.0).toarray()
    np.testing.assert_allclose(half[[0, 1, 2], [0, 1, 2]] / whole[[0, 1, 2], [0, 1, 2]], [1 / 8, 1 / 4, 1], rtol=1e-6)
    np.testing.assert_array_equal(lately(snapshot, 0.0).toarray(), whole)
    np.testing.assert_array_equal(lately(snapshot, 30.0, least=0.2).toarray() > 0, half >= 0.2 * whole.max())


def test_fading_leaves_the_snapshot_as_it_was():
    frame = {"source": [0, 1], "target": [0, 1], "lastAt": [0, 9 * DAY]}
    engagement = np.array([0.5, 0.75], dtype=np.float32)
    nodes = {
        "User": pl.DataFrame({"userId": ["a", "b"]}),
        "Content": pl.DataFrame({"contentId": ["keaks/a", "keaks/b"]}),
    }
    snapshot = Snapshot.build(nodes, {"WATCHED": pl.DataFrame({**frame, "engagement": engagement})})
    assert lately(snapshot, 3.0).toarray()[0, 0] == pytest.approx(0.5 / 8)
    assert np.asarray(snapshot.watched.columns["engagement"]).tolist() == [0.5, 0.75]


def test_nothing_fades_where_most_watches_have_no_time():
    for snapshot in (odd([(0, 0), (1, 1)], []), dated([(0, 0, 0), (1, 1, None), (2, 2, None)], [])):
        np.testing.assert_array_equal(lately(snapshot, 7.0).toarray(), interactions(snapshot).toarray())


def test_what_those_one_follows_watched_lately_comes_first():
    # 0 follows 1, who watched 0 long ago and 1 today; 2 follows 0, and watched 2 today
    snapshot = dated([(1, 0, 0), (1, 1, 200), (2, 2, 200)], [(0, 1), (2, 0)])
    scores = FriendsItems(weighting="same").fit(snapshot).scores(np.array([0]))[0]
    assert scores[1] > scores[0] > scores[2] == 0
    either = FriendsItems(weighting="same", ties="either").fit(snapshot).scores(np.array([0]))[0]
    assert either[2] == pytest.approx(either[1])
    ever = FriendsItems(weighting="same", half_life=0.0).fit(snapshot).scores(np.array([0]))[0]
    assert ever[0] == pytest.approx(ever[1])


def test_friends_of_friends_only_count_where_nothing_says_when():
    follows = [(0, 1), (1, 2)]
    assert FriendsItems().fit(odd([(2, 3)], follows)).scores(np.array([0]))[0, 3] > 0
    assert FriendsItems().fit(dated([(2, 3, 0)], follows)).scores(np.array([0]))[0, 3] == 0
    assert FriendsItems(second_degree=0.1).fit(dated([(2, 3, 0)], follows)).scores(np.array([0]))[0, 3] > 0


def test_of_two_contents_as_similar_the_one_in_fashion_comes_first():
    # Both 1 and 2 were watched by who watched 0, twice each: 1 long ago, 2 of late
    pairs = [(user, 0, 0) for user in range(5)] + [(1, 1, 0), (2, 1, 0), (3, 2, 300), (4, 2, 300)]
    snapshot = dated(pairs, [])
    even = ItemKnn(fashion=0.0).fit(snapshot).scores(np.array([0]))[0]
    assert even[1] == pytest.approx(even[2])
    led = ItemKnn().fit(snapshot).scores(np.array([0]))[0]
    assert led[2] > 2 * led[1] > 0
    untimed = odd([pair[:2] for pair in pairs], [])
    np.testing.assert_allclose(
        ItemKnn().fit(untimed).scores(np.array([0])), ItemKnn(fashion=0.0).fit(untimed).scores(np.array([0]))
    )


def test_similar_people_bring_what_they_watched_of_late():
    snapshot = dated([(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 2, 150)], [])
    scores = UserKnn(shrink=0.0).fit(snapshot).scores(np.array([0]))[0]
    assert scores[2] > 30 * scores[1] > 0


def test_fitted_on_another_graph_a_model_forgets_the_first():
    before, after = dated([(1, 0, 0), (2, 1, 9)], [(0, 1)]), dated([(1, 2, 0), (2, 3, 9)], [(0, 1)])
    for kind in (FriendsItems, ItemKnn, UserKnn):
        model = kind().fit(before)
        model.scores(np.arange(5))
        np.testing.assert_array_equal(model.fit(after).scores(np.arange(5)), kind().fit(after).scores(np.arange(5)))


@pytest.mark.parametrize("name", [name for name in registry.NAMES if issubclass(registry.kind(name), Baseline)])
def test_learns_from_a_snapshot_on_disk_with_times(name, tmp_path):
    watched = [(user, (user + step) % 12, 30 * step) for user in range(12) for step in range(4)]
    dated(watched, [(0, 1)], 12).save(tmp_path / "s")
    snapshot = snapshots.load(tmp_path / "s")
    chosen: dict[str, dict[str, Any]] = {"als": {"confidence": 1.0}, "bpr": {"factors": 8}}
    model = registry.make(name, **chosen.get(name, {})).fit(snapshot)
    ids, scores = model.recommend(np.arange(12), 3)
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model", snapshot).recommend(np.arange(12), 3)
    np.testing.assert_array_equal(again[0], ids)
    np.testing.assert_allclose(again[1], scores, rtol=1e-5)


def test_old_watches_count_less_in_the_factors():
    pairs = [(user, user % 2, 0) for user in range(8)] + [(8, 0, 0), (8, 1, 900), (9, 0, 900)]
    snapshot = dated(pairs, [], 10)
    ever = Als(factors=2, half_life=0.0).fit(snapshot).scores(np.array([8]))[0]
    now = Als(factors=2, half_life=30.0).fit(snapshot).scores(np.array([8]))[0]
    assert now[1] - now[0] > ever[1] - ever[0] + 0.1


def test_old_fame_fades():
    snapshot = dated([(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 1000), (4, 1, 1000)], [])
    assert Popularity().fit(snapshot).recommend(4, 1)[0].tolist() == [0]
    assert Popularity(half_life=30.0).fit(snapshot).recommend(0, 1)[0].tolist() == [1]


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_the_filter_is_the_papers(weight):
    """Equations 8 and 9 of Shen et al. with dense matrices: s = r (R̃ᵀR̃ + α D_I^-½ Ū Ūᵀ D_I^½)."""
    rng = np.random.default_rng(3)
    ratings = (rng.random((12, 15)) < 0.3).astype(float)
    ratings[:, ratings.sum(axis=0) == 0] = 1.0
    ratings[ratings.sum(axis=1) == 0] = 1.0
    degrees_u, degrees_i = np.diag(ratings.sum(axis=1)), np.diag(ratings.sum(axis=0))
    inverse_root_u, inverse_root_i = np.diag(np.diag(degrees_u) ** -0.5), np.diag(np.diag(degrees_i) ** -0.5)
    normalised = inverse_root_u @ ratings @ inverse_root_i
    _, vectors = np.linalg.eigh(normalised.T @ normalised)
    leading = vectors[:, -4:]
    ideal = inverse_root_i @ leading @ leading.T @ np.sqrt(degrees_i)
    expected = ratings @ (normalised.T @ normalised + weight * ideal)
    pairs = [(int(u), int(c)) for u, c in np.argwhere(ratings)]
    found = GfCf(factors=4, weight=weight).fit(odd(pairs, [], 15)).scores(np.arange(12))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_singular_vectors_are_the_exact_ones():
    matrix = sp.random_array((40, 30), density=0.3, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    found = right_singular_vectors(sp.csr_array(matrix), 5, rounds=30)
    exact = np.linalg.svd(matrix.toarray())[2][:5].T
    np.testing.assert_allclose(np.abs((found * exact).sum(axis=0)), 1.0, atol=1e-3)


@pytest.mark.parametrize("kind", [ItemKnn, FriendsItems])
def test_large_matrices_are_mapped_and_say_the_same(kind, tmp_path, monkeypatch):
    snapshot = checkerboard.snapshot()
    model = kind().fit(snapshot)
    model.save(tmp_path / "model")
    monkeypatch.setattr("recommenders.core.baseline._MAPPED_VALUES", 0)
    loaded = kind.load(tmp_path / "model", snapshot)
    matrix = next(array for array in loaded.learned.values() if not isinstance(array, np.ndarray))
    owner: Any = matrix.indices
    while owner is not None and not isinstance(owner, np.memmap):
        owner = getattr(owner, "base", None)
    assert owner is not None
    users = np.arange(snapshot.users.count)
    np.testing.assert_array_equal(loaded.scores(users), model.scores(users))
    np.testing.assert_array_equal(loaded.one_user(3).at(users), model.one_user(3).at(users))


def test_gf_cf_scores_the_same_a_few_rows_at_a_time(monkeypatch):
    model = GfCf(friends=1.0).fit(checkerboard.snapshot())
    users = np.arange(checkerboard.SIZE)
    whole = model.scores(users)
    monkeypatch.setattr("recommenders.gf_cf._BLOCK_VALUES", 3 * checkerboard.SIZE)
    assert model.scores(users).tobytes() == whole.tobytes()
    assert model.scores(users[:0]).shape == (0, checkerboard.SIZE)


def test_watches_count_where_all_engagement_is_0():
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    watched = pl.DataFrame(pairs, schema=["source", "target"], orient="row").with_columns(engagement=pl.lit(0.0))
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(2)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(3)}),
    }
    snapshot = Snapshot.build(nodes, {"WATCHED": watched})
    assert Popularity().fit(snapshot).scores(np.array([0])).tolist() == [[2.0, 2.0, 1.0]]
    assert PlayCf().fit(snapshot).recommend(0, 1)[0].tolist() == [2]
    assert ratios_of(snapshot)[0].ratios.tolist() == [1.0] * 5


@pytest.mark.parametrize("kind", [Als, Bpr])
def test_the_library_computes_on_the_processor_where_it_would_take_a_gpu(kind, monkeypatch):
    import implicit.als
    import implicit.bpr

    for make in (implicit.als.AlternatingLeastSquares, implicit.bpr.BayesianPersonalizedRanking):
        taken = {parameter.name: parameter.default for parameter in inspect.signature(make).parameters.values()}
        monkeypatch.setattr(make, "__defaults__", tuple({**taken, "use_gpu": True}.values()))
    model = kind(iterations=1).fit(checkerboard.snapshot())
    assert np.isfinite(model.scores(np.arange(3))).all()


def test_who_has_seen_all_that_scores_gets_what_most_people_watched() -> None:
    """Not the first contents by id: u0 has seen the only two contents that go together."""
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 3), (3, 3), (3, 4)]
    snapshot = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": [f"u{n}" for n in range(4)]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(5)]}),
        },
        {"WATCHED": pl.DataFrame(pairs, schema={"source": pl.Int32, "target": pl.Int32}, orient="row")},
    )
    model = ItemKnn().fit(snapshot)
    ids, scores = model.recommend(0, 3)
    assert (ids.tolist(), scores.tolist()) == ([3, 4, 2], [2.0, 1.0, 0.0])
    assert model.recommend(0, 3, guess=False)[0].tolist() == [-1, -1, -1]
    assert model.recommend(0, 3, exclude_seen=False)[0].tolist()[:2] == [0, 1]
