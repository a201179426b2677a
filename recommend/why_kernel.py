"""The compiled part of the reasons: who watched each content, counted in one pass over them."""

from __future__ import annotations

import numba
import numpy as np

from graph.live.rows import COMMENTED, LIKED, SHARED, WATCHED, neighbour, place_of, said_at, when

__all__ = ["LATELY", "NAMED", "VERBS", "mark_friends", "own_counts", "watched_by"]

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201

LATELY = 10
"""Of the contents that the person watched, the newest that ``together`` looks at."""
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
def watched_by(watches, watchers, ranks, private, contents, me, now, week, marks, bits, unnamed):
    """For each of ``contents`` what its watchers did, by people's ``marks``; ``bits`` is scratch of one value a person.

    Counts (C, 3): all, blocked ones, those of the last ``week`` ms; by verb of people one follows how many (C, 4),
    the newest time (C, 4) and the first names by id (C, 4, 3; -1 for none); how many watched each of the contents
    that the person watched last as well (C, 10), and those contents (10,; -1 for none), without those that ``unnamed``
    (contents,) marks. ``me`` is -1 for nobody known.
    """
    count = len(contents)
    counts = np.zeros((count, 3), dtype=np.int64)
    did = np.zeros((count, 4), dtype=np.int64)
    newest = np.full((count, 4), np.iinfo(np.int64).min)
    names = np.full((count, 4, NAMED), -1, dtype=np.int64)
    together = np.zeros((count, LATELY), dtype=np.int64)
    mine = np.full(LATELY, -1, dtype=np.int64)
    many = 0
    for k in range(watches.length[me] if me >= 0 else 0):
        own = place_of(watches, me, k)
        item = neighbour(watches, own)
        if unnamed[item] or not said_at(watches, own) & WATCHED:
            continue
        mine[many] = item
        for j in range(watchers.length[item]):
            place = place_of(watchers, item, j)
            if said_at(watchers, place) & WATCHED:
                bits[neighbour(watchers, place)] |= 1 << many
        many += 1
        if many == LATELY:
            break
    for c in range(count):
        content = contents[c]
        for j in range(watchers.length[content]):
            place = place_of(watchers, content, j)
            person = neighbour(watchers, place)
            said, time = said_at(watchers, place), when(watchers, place)
            seen = said & WATCHED > 0
            counts[c, 0] += seen
            if marks[person] == BLOCKED:
                counts[c, 1] += seen
                continue
            if now - week < time <= now:
                counts[c, 2] += 1
            if seen and bits[person] and person != me:
                for k in range(many):
                    if bits[person] >> k & 1 and mine[k] != content:
                        together[c, k] += 1
            if marks[person] != FRIEND:
                continue
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
    for k in range(many):
        item = mine[k]
        for j in range(watchers.length[item]):
            bits[neighbour(watchers, place_of(watchers, item, j))] = 0
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
