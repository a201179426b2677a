"""The benchmark of new contents takes away what it says, and describes it as the graph would."""

from __future__ import annotations

import numpy as np
import polars as pl

from evaluation import splits
from experiments import new_contents
from graph.snapshot import Snapshot
from tests import checkerboard


def tagged() -> Snapshot:
    plain = checkerboard.snapshot()
    contents = plain.contents.frame.with_columns(pl.Series("duration", [10.0 + c for c in range(20)]))
    watched = pl.DataFrame({"source": plain.watched.source, "target": plain.watched.target})
    return Snapshot.build(
        {"User": plain.users.frame, "Content": contents, "Hashtag": pl.DataFrame({"name": ["even", "odd"]})},
        {
            "WATCHED": watched,
            "TAGGED": pl.DataFrame({"source": range(20), "target": [c % 2 for c in range(20)]}),
            "MADE": pl.DataFrame({"source": [3, 4], "target": [0, 1]}),
            "USES": pl.DataFrame({"source": [0, 0, 2], "target": [5, 7, 7]}),
        },
    )


def test_what_is_gone_is_gone_with_all_that_is_its_own():
    whole = tagged()
    gone = np.isin(np.arange(20), [0, 7])
    rest = new_contents.without(whole, gone)
    assert rest.contents.ids.to_list() == [c for c, g in zip(checkerboard.contents(), gone, strict=True) if not g]
    assert rest.users.ids.to_list() == whole.users.ids.to_list()
    pairs = zip(rest.watched.source.tolist(), rest.watched.target.tolist(), strict=True)
    named = {(user, rest.contents.ids[content]) for user, content in pairs}
    kept = [(u, checkerboard.contents()[c]) for u, c in checkerboard.watched_pairs() if c not in (0, 7)]
    assert named == set(kept)
    assert (len(rest.edges["TAGGED"]), len(rest.edges["MADE"]), len(rest.edges["USES"])) == (18, 1, 0)


def test_a_content_that_is_gone_is_described_as_the_graph_has_it():
    whole = tagged()
    kept = np.where(np.isin(np.arange(20), [0, 7]), -1, np.cumsum(~np.isin(np.arange(20), [0, 7])) - 1)
    told = new_contents.described(whole, 0, kept)
    assert told.properties["duration"] == 10.0
    assert {name: nids.tolist() for name, nids in told.near.items() if len(nids)} == {
        "MADE": [3],
        "TAGGED": [0],
        "USES": [kept[5]],  # the other beat is gone too
    }


def test_contents_that_hashtags_tell_are_ranked_better_than_chance_though_never_seen():
    split = splits.cold_contents(tagged(), 0.2, seed=1)
    results = new_contents.measure(split)
    assert results["placed online, never seen"].mean() > results["chance"].mean() + 0.1
    assert results["content similarity"].mean() > results["chance"].mean() + 0.1
