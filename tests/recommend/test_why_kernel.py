"""Whose audiences the reasons look through, against a naive loop; what they say is compared with Cypher elsewhere."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.live.rows import COMMENTED, LIKED, SHARED, WATCHED, Rows
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


PEOPLE, CONTENTS, NOW, WEEK = 9, 7, 100, 10
FLAGS = (LIKED, SHARED, COMMENTED, WATCHED)


def rows(entries: list[tuple[int, int, int, int]], nodes: int) -> Rows:
    """Of (node, to, at, said)."""
    entries = sorted(entries)
    indptr = np.searchsorted([one[0] for one in entries], np.arange(nodes + 1)).astype(np.int64)
    columns = [np.array([one[k] for one in entries], dtype=np.int64) for k in (1, 2, 3)]
    return Rows.of(indptr, columns[0].astype(np.int32), columns[1], columns[2].astype(np.uint8))


@st.composite
def worlds(draw: Any) -> Any:
    pairs = st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, CONTENTS - 1))
    what = st.tuples(st.one_of(st.just(NO_TIME), st.integers(80, 105)), st.integers(1, 15))
    done = draw(st.dictionaries(pairs, what, max_size=40))
    friends = draw(st.sets(st.integers(0, PEOPLE - 1)))
    blocked = draw(st.sets(st.integers(1, PEOPLE - 1)))
    private = draw(st.sets(st.integers(0, PEOPLE - 1)))
    contents = draw(st.lists(st.integers(0, CONTENTS - 1), min_size=1, unique=True))
    unnamed = draw(st.sets(st.integers(0, CONTENTS - 1)))
    limits = draw(st.tuples(st.integers(0, 30), st.integers(0, 30)))
    return done, friends, blocked, private, contents, unnamed, limits


def naive(world: Any, me: int) -> Any:
    """The counts of `watched_by`, of names and pairs one loop each."""
    done, friends, blocked, private, contents, unnamed, (lately_rows, together_rows) = world
    audience = {content: [p for p, c in done if c == content] for content in range(CONTENTS)}
    seen = {pair: bool(said & WATCHED) for pair, (_, said) in done.items()}

    def fewest(those: list[int], most: int) -> set[int]:
        found, total = set(), 0
        for content in sorted(those, key=lambda one: (len(audience[one]), one)):
            total += len(audience[content])
            if total > most:
                break
            found.add(content)
        return found

    mine = [c for (p, c) in done if p == me and seen[p, c] and c not in unnamed]
    mine.sort(key=lambda c: (-done[me, c][0], c))
    lately = fewest(mine[: why_kernel.LATELY], lately_rows)
    counted = fewest(contents, together_rows)
    counts, did, pairs = [], [], []
    for content in contents:
        people = audience[content]
        recent = [p for p in people if p not in blocked and NOW - WEEK < done[p, content][0] <= NOW]
        counts.append(
            [
                sum(seen[p, content] for p in people),
                sum(seen[p, content] for p in people if p in blocked),
                len(recent),
            ]
        )
        told = []
        for flag in FLAGS:
            ones = [p for p in people if p in friends and p not in blocked and p != me and done[p, content][1] & flag]
            told.append((len(ones), [p for p in sorted(ones) if p not in private][:3]))
        did.append(told)
        pairs.append(
            {
                item: sum(
                    seen[p, content] and seen.get((p, item), False) for p in people if p not in blocked and p != me
                )
                if content in counted and item in lately and item != content
                else 0
                for item in mine[: why_kernel.LATELY]
            }
        )
    return counts, did, pairs


@settings(deadline=None)
@given(worlds())
def test_what_watchers_did_is_what_naive_loops_say_twice_with_the_same_scratch(world):
    done, friends, blocked, private, contents, unnamed, limits = world
    me = 0
    watches = rows([(p, c, at, said) for (p, c), (at, said) in done.items()], PEOPLE)
    watchers = rows([(c, p, at, said) for (p, c), (at, said) in done.items()], CONTENTS)
    follows = rows([(me, friend, NO_TIME, 0) for friend in friends], PEOPLE)
    marks, theirs = np.zeros(PEOPLE, dtype=np.uint8), np.array(sorted(blocked), dtype=np.int64)
    marks[theirs] = why_kernel.BLOCKED
    kernel.mark_friends(follows.view, me, marks, why_kernel.FRIEND)
    bits, places = np.zeros(PEOPLE, dtype=np.uint16), np.full(CONTENTS, -1, dtype=np.int32)
    kept = np.array([sum(c == content for _, c in done) for content in range(CONTENTS)], dtype=np.int64)
    flagged = [np.isin(np.arange(size), list(some)) for size, some in ((PEOPLE, private), (CONTENTS, unnamed))]
    people, numbers = np.arange(PEOPLE, dtype=np.float64), np.arange(CONTENTS, dtype=np.float64)
    expected = naive(world, me)
    for _ in range(2):
        counts, did, _newest, names, together, mine = kernel.watched_by(
            watches.view, watchers.view, follows.view, people, numbers, flagged[0], np.array(contents), me, NOW, WEEK,
            marks, theirs, bits, places, flagged[1], kept, *limits,
        )  # fmt: skip
        assert counts.tolist() == expected[0]
        told = [
            [(int(did[c, v]), [p for p in names[c, v].tolist() if p >= 0]) for v in range(4)]
            for c in range(len(contents))
        ]
        assert told == expected[1]
        own = [item for item in mine.tolist() if item >= 0]
        assert [dict(zip(own, together[c].tolist(), strict=False)) for c in range(len(contents))] == expected[2]
        assert not bits.any()
        assert (places == -1).all()
