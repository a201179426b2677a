"""How old watches are: known answers, and clocks gone wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot.ages import DAY, ages, fading, timed
from tests import checkerboard


def at(times: list[int]) -> Snapshot:
    """One user's watches at these times."""
    nodes = {
        "User": pl.DataFrame({"userId": ["a"]}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(len(times))}),
    }
    watched = {"source": [0] * len(times), "target": range(len(times)), "lastAt": times}
    return Snapshot.build(nodes, {"WATCHED": pl.DataFrame(watched, schema_overrides={"lastAt": pl.Int64})})


def test_ages_are_days_before_the_newest_and_unknown_ones_the_oldest():
    found = ages(at([0, 30 * DAY, 40 * DAY, NO_TIME]))
    assert found is not None
    assert found.tolist() == [40, 10, 0, 40]
    assert fading(at([0, 30 * DAY, 40 * DAY, NO_TIME]), 10.0).tolist() == [1 / 16, 1 / 2, 1, 1 / 16]


@pytest.mark.parametrize("times", [[NO_TIME, NO_TIME], [0, NO_TIME]])
def test_with_too_few_times_nothing_has_an_age(times):
    snapshot = at(times)
    assert not timed(snapshot)
    assert ages(snapshot) is None
    assert fading(snapshot, 10.0).tolist() == [1.0] * len(times)


def test_one_clock_gone_wrong_makes_nothing_else_old():
    right = [day * DAY for day in range(1000)]
    found = ages(at([*right, 100_000 * DAY, 1 - 10_000 * DAY]))
    assert found is not None
    np.testing.assert_allclose(found[:1000], 999 - np.arange(1000), atol=1.01)
    assert found[1000] == 0
    assert found[1001] == found[0]
