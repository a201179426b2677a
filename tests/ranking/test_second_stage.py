"""Candidates, blend and ranker, each against a naive way of doing the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY
from ranking import blend, ranker, second_stage, sums
from ranking.blend import Judge
from ranking.candidates import Candidates, Context, collect, gather, standardised
from ranking.config import CONFIG
from ranking.ranker import Ranker, feature_names, features
from recommenders.core.effort import Cap
from recommenders.core.ndcg import mean_ndcg
from recommenders.core.options import FitOptions
from recommenders.popularity import Popularity
from tests import checkerboard
from tests.conformance import odd

MODELS = ["good", "noise"]
HURRIED = FitOptions(cap=Cap(1e-9))
"""No time is left."""


def made_up(users: int = 240, each: int = 30, seed: int = 0) -> tuple[Candidates, sp.csr_array, Context]:
    """Candidates where the first model knows what was held out, the second is noise."""
    rng = np.random.default_rng(seed)
    contents = np.sort(np.array([rng.choice(200, each, replace=False) for _ in range(users)]), axis=1)
    worth = rng.random((users, each)) < 0.1
    good = worth + 0.7 * rng.standard_normal((users, each))
    scores = np.stack([good.ravel(), rng.standard_normal(users * each)], axis=1).astype(np.float32)
    row = np.repeat(np.arange(users), each)[worth.ravel()]
    held_out = sp.csr_array((np.ones(len(row)), (row, contents.ravel()[worth.ravel()])), shape=(users, 200))
    candidates = Candidates(np.arange(users), np.arange(0, users * each + 1, each), contents.ravel(), scores)
    return candidates, held_out, Context.of(odd([], [], max(users, 200)))


def test_standardised_scores_have_mean_0_and_deviation_1_over_the_unseen():
    snapshot = odd([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (3, 2)], [])
    seen = sp.csr_array(snapshot.interactions().toarray()[[0]])
    table = standardised(Popularity().fit(snapshot), np.array([0]), seen)
    assert table.shape == (1, 8)
    unseen = table[0, 2:]
    assert unseen.mean() == pytest.approx(0.0, abs=1e-6)
    assert unseen.std() == pytest.approx(1.0, rel=1e-5)
    assert unseen.argmax() == 0


def test_a_model_that_says_the_same_of_everything_says_nothing():
    snapshot = odd([], [])
    seen = sp.csr_array(np.zeros((2, 8)))
    assert not standardised(Popularity().fit(snapshot), np.array([0, 1]), seen).any()


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_candidates_are_the_best_unseen_of_every_model(seed, depth):
    rng = np.random.default_rng(seed)
    tables = [rng.permutation(50).reshape(5, 10).astype(np.float32) for _ in range(3)]
    seen = rng.random((5, 10)) < 0.3
    found = collect(tables, np.arange(5), sp.csr_array(seen.astype(np.float32)), depth, [None] * 3)
    for user in range(5):
        expected: set[int] = set()
        for table in tables:
            order = [c for c in np.argsort(-table[user]).tolist() if not seen[user, c]]
            expected |= set(order[:depth])
        mine = found.contents[found.indptr[user] : found.indptr[user + 1]].tolist()
        assert set(mine) >= expected
        assert not any(seen[user, c] for c in mine)
        assert mine == sorted(mine)
    np.testing.assert_array_equal(found.scores[:, 1], tables[1][found.row_user, found.contents])


def test_gathering_by_blocks_changes_nothing(monkeypatch):
    snapshot = checkerboard.snapshot()
    models = {"popularity": Popularity().fit(snapshot)}
    whole = gather(models, np.arange(20), snapshot.interactions(), 3)
    monkeypatch.setattr("ranking.candidates._BLOCK_VALUES", 60)
    parts = gather(models, np.arange(20), snapshot.interactions(), 3)
    np.testing.assert_array_equal(whole.indptr, parts.indptr)
    np.testing.assert_array_equal(whole.contents, parts.contents)
    np.testing.assert_allclose(whole.scores, parts.scores)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 10_000))
def test_judging_candidates_is_judging_lists(seed):
    candidates, held_out, _ = made_up(users=12, each=25, seed=seed)
    scores = candidates.scores[:, 0]
    lists = np.full((12, 20), -1)
    for user in range(12):
        rows = slice(candidates.indptr[user], candidates.indptr[user + 1])
        lists[user] = candidates.contents[rows][np.argsort(-scores[rows], kind="stable")[:20]]
    judged = np.diff(held_out.indptr) > 0
    found = Judge(candidates, held_out).by_user(scores)[judged]
    assert (found.mean() if judged.any() else 0.0) == pytest.approx(mean_ndcg(lists, held_out, 20, graded=True))


def test_what_is_held_out_but_no_candidate_counts_against_the_list():
    candidates = Candidates(np.array([0]), np.array([0, 1]), np.array([3]), np.ones((1, 1), dtype=np.float32))
    held_out = sp.csr_array((np.ones(2), ([0, 0], [3, 4])), shape=(1, 5))
    best = 1.0 + 1.0 / np.log2(3)
    assert Judge(candidates, held_out).mean(np.ones(1, dtype=np.float32)) == pytest.approx(1.0 / best)


def test_the_blend_trusts_the_model_that_knows():
    candidates, held_out, _ = made_up()
    weights = blend.fit(candidates, held_out)
    assert weights[0] > 1.0
    assert 0.0 <= weights[1] < 0.1 * weights[0]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_no_other_weights_make_the_held_out_contents_likelier(seed):
    candidates, held_out, _ = made_up(users=30, seed=seed)  # fewer than `blend_head` each: every round sees all of them
    worth = candidates.gains(held_out)

    def likelihood(weights: np.ndarray) -> float:
        total = 0.0
        for user in range(30):
            rows = slice(candidates.indptr[user], candidates.indptr[user + 1])
            logits = candidates.scores[rows].astype(float) @ weights
            total += worth[rows] @ (logits - np.log(np.exp(logits).sum()))
        return float((total - 0.5 * ((weights - 0.1) ** 2).sum()) / worth.sum())

    best = blend.fit(candidates, held_out).astype(float)
    for change in np.random.default_rng(seed).normal(0.0, 0.2, (20, 2)):
        assert likelihood(np.maximum(best + change, 0.0)) <= likelihood(best) + 1e-6


def test_a_model_that_ranks_the_tail_right_and_the_head_wrong_does_not_lead_the_blend(monkeypatch):
    rng = np.random.default_rng(0)
    users, each = 200, 300
    quality = rng.random((users, each))
    worth = rng.random((users, each)) < np.where(quality > 0.9, 4 * (quality - 0.9), 0.002)
    tail = 2 * np.minimum(quality, 0.8) - 4 * np.maximum(quality - 0.9, 0)
    scores = np.stack([tail.ravel(), np.maximum(quality, 0.85).ravel()], axis=1)
    scores += 0.1 * rng.standard_normal(scores.shape)
    scores = ((scores - scores.mean(0)) / scores.std(0)).astype(np.float32)
    row, content = np.nonzero(worth)
    held_out = sp.csr_array((np.ones(len(row)), (row, content)), shape=(users, each))
    contents = np.tile(np.arange(each), users)
    candidates = Candidates(np.arange(users), np.arange(0, users * each + 1, each), contents, scores)
    judge = Judge(candidates, held_out)
    found = judge.mean(scores @ blend.fit(candidates, held_out))
    monkeypatch.setattr(blend, "CONFIG", CONFIG.model_copy(update={"blend_rounds": 0}))
    assert found > 1.03 * judge.mean(scores @ blend.fit(candidates, held_out))


def test_keeping_rows_keeps_every_user():
    candidates, held_out, _ = made_up(users=10)
    kept = candidates.keep(candidates.gains(held_out) > 0)
    assert kept.gains(held_out).tolist() == [1.0] * int(candidates.gains(held_out).sum())
    assert len(kept.indptr) == 11
    assert kept.indptr[-1] == len(kept.contents)


def test_one_user_cannot_silence_every_model():
    """What is held out scores low everywhere: the likeliest weights are 0, which would rank by number."""
    scores = np.array([[3, -1], [-1, 3], [-2, -2]], dtype=np.float32)
    candidates = Candidates(np.array([0]), np.array([0, 3]), np.arange(3), scores)
    held_out = sp.csr_array((np.ones(1), ([0], [2])), shape=(1, 3))
    assert blend.fit(candidates, held_out).any()


def test_without_anything_to_learn_from_the_weights_are_even():
    candidates, held_out, _ = made_up(users=5)
    weights = blend.fit(candidates, sp.csr_array(held_out.shape))
    assert weights[0] == weights[1] > 0


def test_features_have_their_names_and_are_right():
    snapshot = checkerboard.snapshot()
    candidates = gather({"popularity": Popularity().fit(snapshot)}, np.arange(20), snapshot.interactions(), 1)
    context = Context.of(snapshot)
    names = feature_names(["popularity"], context)
    table = features(candidates, candidates.scores[:, 0], ["popularity"], context, names)
    assert table.shape == (len(candidates.contents), len(names))
    together = np.expm1(table[:, names.index("friends who watched")])
    social, watched = snapshot.social().toarray(), snapshot.interactions().toarray()
    expected = [social[u] @ watched[:, c] for u, c in zip(candidates.row_user, candidates.contents, strict=True)]
    np.testing.assert_allclose(together, expected, rtol=1e-5)


def test_no_ranker_where_it_does_not_help_and_the_same_after_saving(tmp_path):
    candidates, held_out, context = made_up(users=400)
    stage, choice = second_stage.learn(MODELS, candidates, held_out, context, FitOptions())
    assert choice.chosen in ("good", "blend")
    assert stage.ranker is None
    assert choice.figures["good"] > choice.figures["noise"]
    assert "blend + ranker" in choice.figures
    stage.save(tmp_path)
    again = second_stage.SecondStage.load(tmp_path)
    np.testing.assert_allclose(again.rank(candidates, context), stage.rank(candidates, context), rtol=1e-5)


def test_a_ranker_where_which_model_to_trust_depends_on_the_content(tmp_path):
    candidates, held_out, context = made_up(users=400)
    popular = context.watchers.copy()
    popular[:100] = 1000.0
    context = replace(context, watchers=popular)
    scores = candidates.scores.copy()
    known = candidates.contents < 100  # here the first model knows, there the second
    scores[~known] = scores[~known][:, ::-1]
    candidates = Candidates(candidates.users, candidates.indptr, candidates.contents, scores)
    stage, choice = second_stage.learn(MODELS, candidates, held_out, context, FitOptions())
    assert choice.chosen == "blend + ranker"
    assert stage.needed == MODELS
    assert Judge(candidates, held_out).mean(stage.rank(candidates, context)) > 1.1 * choice.figures["blend"]
    stage.save(tmp_path)
    again = second_stage.SecondStage.load(tmp_path)
    np.testing.assert_allclose(again.rank(candidates, context), stage.rank(candidates, context), rtol=1e-5)


def test_two_rankers_of_many_people_are_the_same_byte_for_byte(monkeypatch):
    """Where LightGBM draws whole users with two threads, no two are alike from some 500 users on."""
    candidates, held_out, context = made_up(users=1500, each=10)
    names = feature_names(MODELS, context)
    blended = candidates.scores.sum(axis=1)
    table = features(candidates, blended, MODELS, context, names)
    monkeypatch.setattr(ranker, "CONFIG", CONFIG.model_copy(update={"ranker_rounds": 5}))
    grown = [Ranker.fit(names, table, candidates, blended, held_out, FitOptions())[0] for _ in range(2)]
    first, second = ([forest.model_to_string() for forest in one.forests] for one in grown)
    assert first == second


def test_without_time_there_is_still_a_blend_and_it_says_so():
    candidates, held_out, context = made_up()
    cap = Cap(1e-9)
    stage, choice = second_stage.learn(MODELS, candidates, held_out, context, FitOptions(cap=cap))
    assert cap.hit
    assert stage.ranker is None
    assert "blend + ranker" not in choice.figures


def test_the_blend_is_taken_wherever_it_is_better_than_any_model_on_others():
    chosen = []
    for seed in range(12):
        candidates, held_out, context = made_up(users=120, seed=seed)
        noise = np.random.default_rng(seed).normal(size=candidates.scores.shape).astype(np.float32)
        scores = candidates.scores[:, :1] + np.float32(0.05 * seed) * noise  # ever less alike
        alike = replace(candidates, scores=scores)
        _, choice = second_stage.learn(MODELS, alike, held_out, context, HURRIED)
        best = max(choice.figures[name] for name in MODELS)
        chosen.append(choice.chosen == "blend")
        assert chosen[-1] == (choice.figures["blend"] > best)
    assert 0 < sum(chosen) < len(chosen)


@pytest.fixture
def lively() -> Snapshot:
    """User 3 follows 0, 1 and 2, who watched 0 and 1; they made contents 1 and 2; contents 0 and 1 share a hashtag."""
    watched = pl.DataFrame(
        {
            "source": [0, 1, 2, 3],
            "target": [0, 0, 1, 3],
            "lastAt": [70 * DAY, 93 * DAY, 100 * DAY, 100 * DAY],
            "engagement": [0.4, 0.8, 0.2, 1.0],
        }
    )
    nodes = {
        "User": pl.DataFrame(
            {
                "userId": checkerboard.users(4),
                "createdAt": [0, 40 * DAY, None, 99 * DAY],
                "isSinger": [True, False, None, True],
                "friendCount": [9, 8, 7, 6],
            }
        ),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(4), "bpm": [90.0, 120.0, None, 90.0]}),
        "Hashtag": pl.DataFrame({"name": ["live", "loud"]}),
    }

    def pairs(*found: tuple[int, int]) -> pl.DataFrame:
        return pl.DataFrame(found, schema={"source": pl.Int32, "target": pl.Int32}, orient="row")

    edges = {
        "WATCHED": watched,
        "FOLLOWS": pairs((3, 0), (3, 1), (3, 2), (1, 3)),
        "MADE": pairs((2, 1), (3, 2)),
        "TAGGED": pairs((0, 0), (1, 0), (1, 1), (3, 0)),
    }
    return Snapshot.build(nodes, edges)


def table_of(snapshot: Snapshot, user: int) -> dict[str, list[float]]:
    """Every feature of the first three contents for one user, by name."""
    context = Context.of(snapshot)
    candidates = Candidates(np.array([user]), np.array([0, 3]), np.arange(3), np.ones((3, 1), dtype=np.float32))
    names = feature_names(["any"], context)
    table = features(candidates, np.ones(3, dtype=np.float32), ["any"], context, names)
    assert table.shape == (3, len(names))
    return {name: table[:, place].tolist() for place, name in enumerate(names)}


def test_fashion_and_age_are_told_where_there_are_times(lively):
    fashion = Context.of(lively).fashion
    assert fashion["watches, half after 30 days"].tolist() == pytest.approx([0.4 / 2 + 0.8 * 2 ** (-7 / 30), 0.2, 0, 1])
    assert fashion["days since the first watch"].tolist() == [30, 0, 0, 0]
    assert not Context.of(checkerboard.snapshot()).fashion


def test_what_those_followed_watched_counts_less_with_time(lively):
    told = table_of(lively, 3)
    assert np.expm1(told["friends who watched"]).round().tolist() == [2, 1, 0]
    halved = np.expm1(told["watches of those followed, half after 7 days"])
    assert halved == pytest.approx([0.4 * 2 ** (-30 / 7) + 0.8 / 2, 0.2, 0], abs=1e-5)
    assert np.expm1(table_of(lively, 1)["watches of those followed, half after 7 days"]).tolist() == [0, 0, 0]


def test_makers_followed_and_traits_shared_are_told(lively):
    told = table_of(lively, 3)
    assert told["follows the maker"] == [0, 1, 0]
    assert told["share of watches with the hashtag"] == [1, 0.5, 0]  # of the two of content 1 they watched one
    assert table_of(lively, 1)["follows the maker"] == [0, 0, 1]
    assert set(table_of(checkerboard.snapshot(), 0)) >= {"follows the maker", "share of watches with the genre"}


def test_profiles_are_told_and_gaps_stay_gaps(lively):
    told = table_of(lively, 1)
    assert told["user's createdAt"] == [60, 60, 60]  # days before the newest watch
    assert told["user's isSinger"] == [0, 0, 0]
    assert np.isnan(table_of(lively, 2)["user's createdAt"]).all()
    assert told["content's bpm"][:2] == [90, 120]
    assert np.isnan(told["content's bpm"][2])
    assert "user's friendCount" not in told  # counted until the export, so it contains the labels


def test_a_ranker_taught_without_times_ranks_where_there_are_some_and_the_other_way_round(lively):
    """Just over half of the watches may have a time, and just under half of those that were learned from."""
    candidates = Candidates(np.array([3]), np.array([0, 3]), np.arange(3), np.ones((3, 1), dtype=np.float32))
    bare = Context.of(odd([], [], 4))
    for taught, met in ((bare, Context.of(lively)), (Context.of(lively), bare)):
        names = feature_names(["any"], taught)
        table = features(candidates, np.ones(3, dtype=np.float32), ["any"], met, names)
        assert table.shape == (3, len(names))
        unknown = set(names) - set(feature_names(["any"], met))
        assert np.isnan(table[:, [name in unknown for name in names]]).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_shares_of_traits_are_those_of_a_naive_loop(seed):
    rng = np.random.default_rng(seed)
    mine, has = rng.integers(0, 3, (4, 6)).astype(np.float32), rng.random((9, 6)) < 0.4
    indptr = np.concatenate(([0], np.cumsum(rng.integers(0, 5, 4))))
    contents = rng.integers(0, 9, indptr[-1])
    users = np.arange(4)
    rows = Candidates(users, indptr, contents, np.ones((len(contents), 1), dtype=np.float32)).row_user
    traits, row = sp.csr_array(has.astype(np.float32)), sp.csr_array(mine)
    given = users, indptr, contents, row.indptr, row.indices, row.data
    found = sums.means_of_neighbours(*given, traits.indptr, traits.indices)
    for at, (user, content) in enumerate(zip(rows, contents, strict=True)):
        own = [mine[user, trait] for trait in range(6) if has[content, trait]]
        assert found[at] == pytest.approx(np.mean(own) if own else 0.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_shares_of_watched_traits_and_sums_over_friends_are_those_of_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    seen, has = rng.integers(0, 3, (5, 9)).astype(np.float32), rng.integers(0, 2, (9, 6)).astype(np.float32)
    friends = rng.integers(0, 2, (5, 5)).astype(np.float32)
    users = np.array([3, 0, 4])
    indptr = np.concatenate(([0], np.cumsum(rng.integers(0, 5, 3))))
    contents = np.concatenate([np.sort(rng.choice(9, size, replace=False)) for size in np.diff(indptr)])
    rows = users[np.repeat(np.arange(3), np.diff(indptr))]
    watched, traits, social = map(sp.csr_array, (seen, has, friends))
    given = users, indptr, contents
    known = watched.indptr, watched.indices, watched.data
    found = sums.means_of_traits(*given, *known, traits.indptr, traits.indices, traits.data)
    own = (seen @ has)[rows]
    assert found == pytest.approx((own * has[contents]).sum(axis=1) / np.maximum(has[contents].sum(axis=1), 1))
    summed, place = np.zeros(len(contents), dtype=np.float32), np.full(9, -1, dtype=np.int32)
    sums.sums_over_friends(*given, social.indptr, social.indices, social.data, *known, place, summed)
    assert summed == pytest.approx((friends @ seen)[rows, contents])
    assert (place == -1).all()
