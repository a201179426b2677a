from __future__ import annotations

from dataclasses import replace

from evaluation import leaderboard, splits
from evaluation.contenders import Contender, named
from evaluation.kept import Kept, fingerprint
from recommenders.popularity import Popularity
from tests import checkerboard
from tests.evaluation.scored import network


def test_a_comparison_goes_on_where_it_was_broken_off(tmp_path):
    fits = []

    def fit(train, seed, progress):
        fits.append(seed)
        return Popularity().fit(train)

    contender = Contender("popularity", fit)
    made = [splits.random(checkerboard.snapshot(), 0.3, seed) for seed in range(2)]
    kept = Kept(tmp_path)
    alone = leaderboard.evaluate([contender], made[:1], ks=(5,), kept=kept)
    again = leaderboard.evaluate([contender], made[:1], ks=(5,), kept=kept)
    assert fits == [0]
    assert again == alone
    leaderboard.evaluate([contender], made, ks=(5,), kept=kept)
    assert fits == [0, 1]
    leaderboard.evaluate([contender], made, ks=(7,), kept=kept)
    assert fits == [0, 1, 0, 1]


def test_other_settings_are_another_ranking():
    recipes = {
        named(["ease"])[0].recipe,
        named(["ease"], {"ease": {"friends": 0.0}})[0].recipe,
        named(["ease"], tune_s=9)[0].recipe,
    }
    assert len(recipes) == 3


def test_a_split_is_told_from_others_and_known_again():
    whole = network([(u, c, u + c) for u in range(9) for c in range(9)])
    same = [fingerprint(splits.temporal(whole, 0.3)) for _ in range(2)]
    assert same[0] == same[1]
    split = splits.temporal(whole, 0.3)
    others = [splits.temporal(whole, 0.4), splits.random(whole, 0.3), split.sample(2), replace(split, name="other")]
    assert same[0] not in [fingerprint(other) for other in others]
