from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.snapshot import Snapshot
from ranking.holdout import cut
from tests import checkerboard
from tests.conformance import odd


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 0.5))
def test_at_random_every_user_keeps_most_and_nothing_is_lost(seed, share):
    rng = np.random.default_rng(seed)
    pairs = [(int(u), int(c)) for u, c in np.argwhere(rng.random((8, 8)) < 0.5)]
    snapshot = odd(pairs, [])
    found = cut(snapshot, share, seed)
    kept = found.train.interactions().toarray()
    np.testing.assert_array_equal(kept + found.worth.toarray(), snapshot.interactions().toarray())
    degrees, held = np.bincount([u for u, _ in pairs], minlength=8), np.diff(found.worth.indptr)
    assert (held[degrees < 3] == 0).all()
    assert (held[degrees >= 3] >= 1).all()
    assert (held <= degrees / 2).all()


def test_repeated_pairs_are_not_asked_for_when_they_are_known():
    snapshot = odd([*checkerboard.watched_pairs(8)] * 2, [])
    found = cut(snapshot, 0.4)
    assert not found.worth.multiply(found.train.interactions()).nnz


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
    found = cut(Snapshot.build(nodes, {"WATCHED": frame}), 0.2)
    assert sorted(found.worth.indices.tolist()) == list(range(40, 50))
    assert found.worth.data.max() > 0.5  # worth is the engagement
    assert found.train.manifest.cutoff == 39


def test_thinned_keeps_what_its_users_have():
    snapshot = odd(checkerboard.watched_pairs(8), checkerboard.follow_pairs(8))
    whole = cut(snapshot, 0.3)
    fewer = whole.thinned(5)
    chosen = whole.train.users.nids(fewer.train.users.ids.to_list())
    assert len(chosen) == 5
    np.testing.assert_array_equal(fewer.worth.toarray(), whole.worth.toarray()[chosen])
    np.testing.assert_array_equal(fewer.train.interactions().toarray(), whole.train.interactions().toarray()[chosen])
    np.testing.assert_array_equal(
        fewer.train.social().toarray(), whole.train.social().toarray()[np.ix_(chosen, chosen)]
    )
