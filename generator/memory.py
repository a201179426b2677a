"""The state of the simulated network between two views: watches, contents that friends may pass on, trends."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from generator.chance import Array, stream
from generator.sessions import Sessions
from generator.tastes import World

__all__ = ["RECENT", "State", "start"]

RECENT: Final = 16
"""Number of watched contents of each person that followers may come across."""


class State(NamedTuple):
    """The state of the simulated network between two views."""

    history_start: Array
    """(n + 1,) int64 into ``history``."""
    history: Array
    """(v,) int32: contents each user watched, oldest first."""
    watched: Array
    """(n,) int32: how many of them there are."""
    recent: Array
    """(n, RECENT) int32: ring buffer of contents that each user's followers may come across."""
    recent_at: Array
    """(n, RECENT) int64: times of these watches."""
    recents: Array
    """(n,) int32: how many were ever written to it."""
    trend: Array
    """(t,) int32: ring buffer of the latest views of all."""
    trends: Array
    """(1,) int64: how many were ever written to it."""
    group_trend: Array
    """(communities, t') int32: ring buffers of the latest views of each community."""
    group_trends: Array
    """(communities,) int64."""
    following: Array
    """(n,) int32: how many of a user's follows have happened."""
    grown: Array
    """(communities,) int64: how many contents of each community have appeared."""
    random: Array

    def copy(self, random: Array) -> State:
        """A copy with other random numbers, to simulate another future from the same past."""
        return self._replace(**{name: array.copy() for name, array in self._asdict().items()})._replace(random=random)


def start(world: World, visits: Sessions) -> State:
    """The state before the first view; trends hold about two weeks."""
    count, groups = world.sizes.users, len(world.communities)
    history_start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(visits.views, out=history_start[1:])
    fortnight = max(32, round(len(visits.user) / 730 * 14 * 6))
    return State(
        history_start=history_start,
        history=np.zeros(int(history_start[-1]), dtype=np.int32),
        watched=np.zeros(count, dtype=np.int32),
        recent=np.zeros((count, RECENT), dtype=np.int32),
        recent_at=np.zeros((count, RECENT), dtype=np.int64),
        recents=np.zeros(count, dtype=np.int32),
        trend=np.zeros(fortnight, dtype=np.int32),
        trends=np.zeros(1, dtype=np.int64),
        group_trend=np.zeros((groups, max(24, fortnight // groups)), dtype=np.int32),
        group_trends=np.zeros(groups, dtype=np.int64),
        following=np.zeros(count, dtype=np.int32),
        grown=np.zeros(groups, dtype=np.int64),
        random=stream(world.seed, "watching"),
    )
