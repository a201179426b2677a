from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evaluation import leaderboard, splits
from evaluation.contenders import Contender, named
from evaluation.saved_rankings import SavedRankings, fingerprint
from graph.snapshot import Nodes, Snapshot
from recommenders.core.holdout import Holdout
from recommenders.popularity import Popularity
from tests import checkerboard
from tests.evaluation.scored import network


def test_a_comparison_goes_on_where_it_was_broken_off(tmp_path):
    fits = []

    def fit(train, options):
        fits.append(options.seed)
        return Popularity().fit(train)

    contender = Contender("popularity", fit)
    made = [splits.random(checkerboard.snapshot(), 0.3, seed) for seed in range(2)]
    saved = SavedRankings(tmp_path)
    alone = leaderboard.evaluate([contender], made[:1], ks=(5,), saved=saved)
    again = leaderboard.evaluate([contender], made[:1], ks=(5,), saved=saved)
    assert fits == [0]
    assert again == alone
    leaderboard.evaluate([contender], made, ks=(5,), saved=saved)
    assert fits == [0, 1]
    leaderboard.evaluate([contender], made, ks=(7,), saved=saved)
    assert fits == [0, 1, 0, 1]


def test_other_settings_are_another_ranking():
    recipes = {
        named(["ease"])[0].recipe,
        named(["ease"], {"ease": {"friends": 0.0}})[0].recipe,
        named(["ease"], searched=True)[0].recipe,
    }
    assert len(recipes) == 3


def test_a_split_is_told_from_others_and_known_again():
    whole = network([(u, c, u + c) for u in range(9) for c in range(9)])
    same = [fingerprint(splits.temporal(whole, 0.3)) for _ in range(2)]
    assert same[0] == same[1]
    split = splits.temporal(whole, 0.3)
    others = [splits.temporal(whole, 0.4), splits.random(whole, 0.3), split.sample(2), replace(split, name="other")]
    assert same[0] not in [fingerprint(other) for other in others]


def with_another_value(split: Holdout) -> Holdout:
    held_out = split.held_out.copy()
    held_out.data[0] += 1.0
    return replace(split, held_out=held_out)


def with_another_row_pointer(split: Holdout) -> Holdout:
    """The same columns and values, the first of them of the user before or after."""
    held_out = split.held_out.copy()
    place = int(np.flatnonzero(np.diff(held_out.indptr))[0]) + 1
    held_out.indptr[place] -= 1
    return replace(split, held_out=held_out)


def with_another_age(split: Holdout) -> Holdout:
    """The same gaps among the users' properties, another value."""
    train = split.train
    users = train.users.frame.with_columns(pl.Series("createdAt", np.arange(train.users.count) + 1))
    return replace(split, train=Snapshot(train.manifest, {**train.nodes, "User": Nodes("User", users, 9)}, train.edges))


def with_contents_not_allowed(split: Holdout) -> Holdout:
    return replace(split, allowed=np.arange(split.train.contents.count) > 0)


def with_masked_pairs(split: Holdout) -> Holdout:
    return replace(split, masked=split.held_out)


@pytest.mark.parametrize(
    "change",
    [
        with_another_value,
        with_another_row_pointer,
        with_another_age,
        with_contents_not_allowed,
        with_masked_pairs,
    ],
)
def test_everything_that_decides_a_ranking_or_its_judgement_changes_the_fingerprint(change):
    whole = network([(u, c, u + c) for u in range(9) for c in range(9)])
    aged = whole.users.frame.with_columns(pl.Series("createdAt", np.arange(whole.users.count)))
    whole = Snapshot(whole.manifest, {**whole.nodes, "User": Nodes("User", aged, whole.users.count)}, whole.edges)
    split = splits.temporal(whole, 0.3)
    assert fingerprint(change(split)) != fingerprint(split)


@pytest.mark.parametrize(
    ("type_", "column"),
    [("PLAYED", "place"), ("PLAYED", "share"), ("PLAYED", "at"), ("HOLDS", "place"), ("WATCH_RATIO", "ratio")],
)
def test_what_sessions_playlists_and_ratios_say_is_part_of_the_digest(type_, column):
    def made(value: float) -> Snapshot:
        told = pl.DataFrame({"source": [0, 0], "target": [0, 1], column: [0.0, value]})
        nodes = {
            "User": pl.DataFrame({"userId": ["u"]}),
            "Content": pl.DataFrame({"contentId": ["keaks/0", "keaks/1"]}),
            "Session": pl.DataFrame({"sessionId": ["s"]}),
            "Playlist": pl.DataFrame({"playlistId": ["p"]}),
        }
        return Snapshot.build(nodes, {type_: told})

    assert made(1.0).digest == made(1.0).digest != made(2.0).digest


def test_the_digest_of_watches_and_follows_alone_is_that_of_before():
    """Another digest would compute again what was saved, and start interrupted trainings again."""
    digest = network([(0, 0, 1), (0, 1, 2), (1, 1, 3)], [(0, 1)]).digest
    assert digest == "a01dcfd63b4c3408dc9cfe3985399fca35e78fc35705c265af93a8d2ef7d9d2d"
