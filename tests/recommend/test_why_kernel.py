"""Whose audiences the reasons look through, against a naive loop; what they say is compared with Cypher elsewhere."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.live.rows import Rows
from graph.snapshot import NO_TIME
from recommend import why_kernel

kernel: Final[Any] = why_kernel  # what numba makes of it has no types


class Audiences(NamedTuple):
    length: npt.NDArray[np.int32]


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 40), st.randoms())
def test_the_contents_of_the_fewest_watchers_are_looked_at_first(lengths, most, random):
    ranks = list(range(len(lengths)))
    random.shuffle(ranks)
    contents = np.arange(len(lengths))
    audiences = Audiences(np.array(lengths, dtype=np.int32))
    found = kernel._looked_at(audiences, contents, len(lengths), np.array(ranks, dtype=np.float64), most)
    expected, rows = set(), 0
    for content in sorted(contents.tolist(), key=lambda one: (lengths[one], ranks[one])):
        rows += lengths[content]
        if rows > most:
            break
        expected.add(content)
    assert set(np.flatnonzero(found).tolist()) == expected


@settings(deadline=None)
@given(st.lists(st.one_of(st.just(NO_TIME), st.integers(-5, 5)), max_size=12), st.integers(-7, 7))
def test_watchers_until_a_time_are_counted_by_halving(times, at):
    count = len(times)
    rows = Rows.of(np.array([0, count]), np.arange(count, dtype=np.int32), np.array(times, dtype=np.int64))
    assert kernel._until(rows.view, 0, at) == sum(time <= at for time in times)
