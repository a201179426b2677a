"""The compiled part of the reasons: who watched each content."""

from __future__ import annotations

import numba
import numpy as np

from graph.live.rows import COMMENTED, LIKED, SHARED, WATCHED, neighbour, place_of, said_at, when

__all__ = ["LATELY", "LATELY_ROWS", "NAMED", "TOGETHER_ROWS", "VERBS", "mark_friends", "own_counts", "watched_by"]

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202

LATELY = 10
"""``together`` looks at so many of the contents that the person watched, the newest."""
LATELY_ROWS, TOGETHER_ROWS = 5_000, 20_000
"""Watchers that ``together`` looks at, of those contents and of the ones asked about: as in the query, which looks at
fewer, those of the fewest watchers come first. Without a bound, people who are shown the most watched contents of the
full-size network waited 50 ms for their reasons."""
COUNTED_ROWS = 5_000
"""Larger audiences are not counted: they are what the graph keeps."""
NAMED = 3
VERBS = ("liked", "shared", "commented", "watched")
FRIEND, BLOCKED = 1, 2
"""Marks of people."""


@numba.njit(cache=True)
def mark_friends(follows, me, marks, value):
    """Mark whom a person follows; people who are marked already keep their mark."""
    for k in range(follows.length[me]):
        friend = neighbour(follows, place_of(follows, me, k))
        if friend != me and marks[friend] in (0, FRIEND):
            marks[friend] = value


@numba.njit(cache=True)
def _until(watchers, content, at):
    """How many watchers of a content came at a time ``at`` or before; rows are in the order of time."""
    start = watchers.start[content]
    low, high = start, start + watchers.length[content]
    while low < high:
        middle = (low + high) // 2
        if when(watchers, middle) <= at:
            low = middle + 1
        else:
            high = middle
    return low - start


@numba.njit(cache=True)
def _looked_at(watchers, contents, count, ranks, most):
    """Which of the first ``count`` contents are looked at: the fewest watchers first, ``most`` in all."""
    looked = np.zeros(count, dtype=np.bool_)
    rows = 0
    for _ in range(count):
        best = -1
        for c in range(count):
            if looked[c]:
                continue
            size = watchers.length[contents[c]]
            if (
                best < 0
                or size < watchers.length[contents[best]]
                or (size == watchers.length[contents[best]] and ranks[contents[c]] < ranks[contents[best]])
            ):
                best = c
        rows += watchers.length[contents[best]]
        if rows > most:
            break
        looked[best] = True
    return looked


@numba.njit(cache=True)
def watched_by(
    watches, watchers, follows, ranks, content_ranks, private, contents, me, now, week, marks, blocked, bits, places,
    unnamed, audience, lately_rows, together_rows,
):  # fmt: skip
    """For each of ``contents``, which are distinct, what its watchers did, by people's ``marks``.

    Counts (C, 3): all, those of the people ``blocked``, and of others those of the last ``week`` ms; by verb of people
    one follows how many (C, 4), the newest time (C, 4) and the first names by id (C, 4, 3; -1 for none); how many
    watched each of the contents that the person watched last as well (C, 10), and those contents (10,; -1 for none),
    without those that ``unnamed`` (contents,) marks. ``me`` is -1 for nobody known. ``bits`` (people,) of 0 and
    ``places`` (contents,) of -1 are scratch.

    What people watched together looks at ``lately_rows`` watchers of what the person watched and ``together_rows`` of
    the contents. With what the person's friends watched these are the cost, and not the contents' audiences.
    """
    count = len(contents)
    counts = np.zeros((count, 3), dtype=np.int64)
    did = np.zeros((count, 4), dtype=np.int64)
    newest = np.full((count, 4), np.iinfo(np.int64).min)
    names = np.full((count, 4, NAMED), -1, dtype=np.int64)
    together = np.zeros((count, LATELY), dtype=np.int64)
    mine = np.full(LATELY, -1, dtype=np.int64)
    for c in range(count):
        content = contents[c]
        places[content] = c
        if watchers.length[content] > COUNTED_ROWS:
            counts[c, 0] = audience[content]
        else:
            for j in range(watchers.length[content]):
                counts[c, 0] += said_at(watchers, place_of(watchers, content, j)) & WATCHED > 0
        counts[c, 2] = _until(watchers, content, now) - _until(watchers, content, now - week)
    for person in blocked:
        for k in range(watches.length[person]):
            own = place_of(watches, person, k)
            c = places[neighbour(watches, own)]
            if c >= 0:
                counts[c, 1] += said_at(watches, own) & WATCHED > 0
                counts[c, 2] -= now - week < when(watches, own) <= now
    for f in range(follows.length[me] if me >= 0 else 0):
        person = neighbour(follows, place_of(follows, me, f))
        if marks[person] != FRIEND:
            continue
        for k in range(watches.length[person]):
            own = place_of(watches, person, k)
            c = places[neighbour(watches, own)]
            if c < 0:
                continue
            said, time = said_at(watches, own), when(watches, own)
            for verb in range(4):
                if said & (LIKED if verb == 0 else SHARED if verb == 1 else COMMENTED if verb == 2 else WATCHED):
                    did[c, verb] += 1
                    newest[c, verb] = max(newest[c, verb], time)
                    if not private[person]:
                        at = NAMED
                        while at > 0 and (names[c, verb, at - 1] < 0 or ranks[names[c, verb, at - 1]] > ranks[person]):
                            at -= 1
                        for later in range(NAMED - 1, at, -1):
                            names[c, verb, later] = names[c, verb, later - 1]
                        if at < NAMED:
                            names[c, verb, at] = person
    many = 0
    for k in range(watches.length[me] if me >= 0 else 0):
        own = place_of(watches, me, k)
        item = neighbour(watches, own)
        if not unnamed[item] and said_at(watches, own) & WATCHED:
            mine[many] = item
            many += 1
        if many == LATELY:
            break
    lately = _looked_at(watchers, mine, many, content_ranks, lately_rows)
    for k in range(many):
        if lately[k]:
            for j in range(watchers.length[mine[k]]):
                place = place_of(watchers, mine[k], j)
                if said_at(watchers, place) & WATCHED:
                    bits[neighbour(watchers, place)] |= 1 << k
    counted = _looked_at(watchers, contents, count if lately.any() else 0, content_ranks, together_rows)
    for c in range(len(counted)):
        if counted[c]:
            for j in range(watchers.length[contents[c]]):
                place = place_of(watchers, contents[c], j)
                person = neighbour(watchers, place)
                both = bits[person]
                if both and person != me and marks[person] != BLOCKED and said_at(watchers, place) & WATCHED:
                    for k in range(many):
                        if both >> k & 1 and mine[k] != contents[c]:
                            together[c, k] += 1
    for k in range(many):
        if lately[k]:
            for j in range(watchers.length[mine[k]]):
                bits[neighbour(watchers, place_of(watchers, mine[k], j))] = 0
    for c in range(count):
        places[contents[c]] = -1
    return counts, did, newest, names, together, mine


@numba.njit(cache=True)
def own_counts(watches, made, uses, near, me, slots, kinds, beats):
    """How many of the contents that a person watched (column 0) and made (1) lead to each node that has a slot.

    ``slots`` (nodes,) holds the slot of each node wanted, -1 for all others; there are ``kinds`` slots. A content leads
    to itself and to what it uses where ``beats`` is 1; to what it and those are joined to by ``near`` where it is 0;
    to what it is joined to itself where it is -1.
    """
    counts = np.zeros((kinds, 2), dtype=np.int64)
    last = np.full(kinds, -1, dtype=np.int64)
    watched = watches.length[me]
    first = made.start[me] if me < len(made.start) else 0
    end = made.end[me] if me < len(made.start) else 0
    for k in range(watched + end - first):
        column = 0 if k < watched else 1
        if k < watched:
            own = place_of(watches, me, k)
            if not said_at(watches, own) & WATCHED:
                continue
            item = neighbour(watches, own)
        else:
            item = made.to[first + k - watched]
        steps = uses.end[item] - uses.start[item] if beats >= 0 else 0
        for step in range(-1, steps):
            carrier = item if step < 0 else uses.to[uses.start[item] + step]
            if beats == 1:
                slot = slots[carrier]
                if slot >= 0 and last[slot] != k:
                    counts[slot, column] += 1
                    last[slot] = k
                continue
            for place in range(near.start[carrier], near.end[carrier]):
                slot = slots[near.to[place]]
                if slot >= 0 and last[slot] != k:
                    counts[slot, column] += 1
                    last[slot] = k
    return counts
