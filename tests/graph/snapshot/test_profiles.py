from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot.ages import DAY
from graph.snapshot.profiles import profile, profiles
from tests import checkerboard


@pytest.fixture
def described() -> Snapshot:
    users = pl.DataFrame(
        {
            "userId": checkerboard.users(3),
            "createdAt": [0, NO_TIME, 200 * DAY],
            "isBeatmaker": [True, None, False],
            "isSinger": [True, True, True],
            "likeCount": [1, 2, 3],
        }
    )
    contents = pl.DataFrame(
        {"contentId": checkerboard.contents(3), "kind": ["keak", "beat", "keak"], "duration": [None, 30.0, 30.0]}
    )
    watched = pl.DataFrame({"source": [0, 1], "target": [0, 1], "lastAt": [90 * DAY, 100 * DAY]})
    return Snapshot.build({"User": users, "Content": contents}, {"WATCHED": watched})


def test_ages_are_days_at_the_newest_watch_and_gaps_stay_gaps(described):
    found = profiles(described)["User"]
    np.testing.assert_array_equal(found["createdAt"], [100, np.nan, 0])  # who joined later has no age yet
    np.testing.assert_array_equal(found["isBeatmaker"], [1, np.nan, 0])


def test_what_says_nothing_of_anyone_and_what_only_hindsight_knows_is_left_out(described):
    assert list(profiles(described)["User"]) == ["createdAt", "isBeatmaker"]
    assert profiles(checkerboard.snapshot())["User"] == {}


def test_a_number_that_is_known_of_some_only_varies(described):
    np.testing.assert_array_equal(profiles(described)["Content"]["duration"], [np.nan, 30, 30])


def test_a_short_text_is_a_flag_for_each_of_its_values(described):
    kinds = {name: there for name, there in profiles(described)["Content"].items() if name.startswith("kind")}
    assert sorted(there.tolist() for there in kinds.values()) == [[False, True, False], [True, False, True]]


def test_without_times_of_watches_the_newest_of_their_own_is_now(described):
    untimed = described.with_edges(described.watched.keep(np.zeros(2, dtype=bool)))
    np.testing.assert_array_equal(profiles(untimed)["User"]["createdAt"], [200, np.nan, 0])


def test_of_one_node_the_same_is_told_as_of_all(described):
    now = int(described.watched.columns["lastAt"].max())
    for label in ("User", "Content"):
        table = profiles(described)[label]
        for nid, row in enumerate(described.nodes[label].frame.to_dicts()):
            known = {name: value for name, value in row.items() if value != NO_TIME}
            told = profile(label, known, now)
            for name, values in table.items():
                if np.isfinite(values[nid]):
                    assert told.get(name, 0.0) == pytest.approx(float(values[nid])), name
                else:
                    assert name not in told
            assert "likeCount" not in told


def test_strange_properties_of_one_node_are_passed_over():
    strange = {"createdAt": "2020-01-01", "isSinger": [True], "isBeatmaker": float("nan"), "kind": 3, "duration": None}
    assert profile("User", {"isPrivate": True, "saidPrivate": True}, 5 * DAY) == {}
    assert profile("User", strange, 5 * DAY) == profile("Content", {"kind": {}}, 0) == {}


def test_of_one_node_ages_are_unknown_without_a_now():
    assert "createdAt" not in profile("User", {"userId": "u", "createdAt": 5 * DAY}, None)
