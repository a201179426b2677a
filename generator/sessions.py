"""When people visit and for how long: heavy-tailed activity, periods of interest, evenings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from generator.chance import Array, numbers, shares_of
from generator.tastes import END, SECOND, START, World

__all__ = ["Sessions", "sessions"]


class Sessions(NamedTuple):
    """Visits in order of time."""

    user: Array
    """(s,) int32."""
    at: Array
    """(s,) int64: when it begins."""
    length: Array
    """(s,) int32: its views."""
    views: Array
    """(n,) int64: views of each user over all sessions."""


def sessions(world: World) -> Sessions:
    """Draw when everyone visits and for how many views: heavy-tailed activity, evenings, exact total."""
    random = numbers(world.seed, "sessions")
    people, count = world.people, world.sizes.users
    stay = (people.last - np.maximum(people.created, START)) / (END - START)
    wish = random.lognormal(0.0, 1.3, count) * (0.15 + stay)
    wish[random.random(count) < 0.04] = 0.0
    roof = max(world.sizes.contents // 3, 8 * world.sizes.audiences // count + 8)
    views = shares_of(world.sizes.audiences, wish, most=roof)
    # One session for every six views, rounded up; each has at least one view, the others are distributed unevenly.
    number = -(-views // 6)
    user = np.repeat(np.arange(count, dtype=np.int32), number)
    weight = random.gamma(0.8, size=len(user)) + 0.05
    length = _cut(views, number, weight)
    begin = np.maximum(people.created, START)[user]
    # Half of the visits are near one of five times of the user's stay. The golden ratio spreads these times, so that
    # they need not be stored.
    spell = user.astype(np.int64) * 7919 + (random.random(len(user)) ** 1.5 * 5).astype(np.int64)
    middle = (spell % 1_000_003 * 0.6180339887498949) % 1.0
    place = np.where(
        random.random(len(user)) < 0.5, random.random(len(user)), middle + random.normal(0, 0.02, len(user))
    )
    at = begin + (np.clip(place, 0.0, 0.9999) * (people.last[user] - begin)).astype(np.int64)
    day = at // (86_400 * SECOND)
    hour = np.where(
        random.random(len(user)) < 0.65, random.normal(20.0, 2.6, len(user)), random.normal(13.0, 3.5, len(user))
    )
    clocked = day * 86_400 * SECOND + ((hour % 24.0) * 3600 * SECOND).astype(np.int64)
    at = np.where((clocked >= begin) & (clocked < END - 3 * 3600 * SECOND), clocked, at)
    at += (random.random(len(user)) * 1000 * SECOND).astype(np.int64)
    order = np.argsort(at, kind="stable")
    return Sessions(user[order], at[order], length[order], views)


def _cut(views: Array, number: Array, weight: Array) -> Array:
    """Lengths of each user's sessions, adding up to ``views``; at least 1 each if there are enough views."""
    edges = np.concatenate([[0], np.cumsum(number)])
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    user = np.repeat(np.arange(len(views)), number)
    share = (cumulative[1:] - cumulative[edges[:-1]][user]) / (cumulative[edges[1:]] - cumulative[edges[:-1]])[user]
    spare = (views - number)[user]
    upto = np.floor(share * spare + 1e-9).astype(np.int64)
    last = edges[1:][number > 0] - 1
    upto[last] = (views - number)[number > 0]
    before = np.concatenate([[0], upto[:-1]])
    before[edges[:-1][number > 0]] = 0
    length: Array = (upto - before + 1).astype(np.int32)
    return length
