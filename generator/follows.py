"""Who follows whom, in the order of time: followers, friends of friends, people of one's communities, famous people."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from generator.chance import Array, compiled, numbers, pick, shares_of, stream, uniform
from generator.tastes import END, SECOND, START, People, World

__all__ = ["Follows", "follows"]

BACK: Final = 0.12
"""Share of follows that go back to the latest follower."""
TRIAD: Final = 0.37
"""Share of follows that go to someone a followed person follows: triadic closure (Holme and Kim, Phys. Rev. E 65,
2002)."""
NEAR: Final = 0.24
"""Share of follows that go to people of one's own communities; the rest goes to famous people."""
TRIES: Final = 40


class Follows(NamedTuple):
    """Followed users by follower, the follows of each user in the order of time."""

    start: Array
    """(n + 1,) int64: the follows of user i are ``start[i]:start[i + 1]`` of the other two."""
    target: Array
    """(e,) int32."""
    since: Array
    """(e,) int64."""


def follows(world: World) -> Follows:
    """Draw exactly as many follows as ``Sizes.follows``; no pair twice, and nobody follows themselves."""
    random = numbers(world.seed, "follows")
    people, count = world.people, world.sizes.users
    wish = np.where(random.random(count) < 0.12, 0.0, random.lognormal(0.0, 1.25, count))
    degree = shares_of(world.sizes.follows, wish, most=max(4, min(count // 4, 7_500)))
    start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(degree, out=start[1:])
    follower = np.repeat(np.arange(count, dtype=np.int32), degree)
    # Most people follow others in their first weeks, and some more later.
    begin = np.maximum(people.created, START - 180 * 86_400 * SECOND)[follower]
    since = begin + (random.beta(0.6, 1.8, len(follower)) * (END - begin)).astype(np.int64)
    since = since[np.lexsort((since, follower))]
    target = np.full(len(follower), -1, dtype=np.int32)
    member = np.argsort(people.community[:, 0], kind="stable").astype(np.int32)
    bounds = np.searchsorted(people.community[member, 0], np.arange(len(world.communities) + 1)).astype(np.int64)
    _draw(
        stream(world.seed, "follows"), people, start, target, since, follower, np.argsort(since, kind="stable"),
        member, bounds, np.concatenate([[0.0], np.cumsum(world.fame[member])]),
        np.concatenate([[0.0], np.cumsum(world.fame)]),
    )  # fmt: skip
    return Follows(start, target, since)


@compiled
def _draw(
    random: Array,
    people: People,
    start: Array,
    target: Array,
    since: Array,
    follower: Array,
    order: Array,
    member: Array,
    bounds: Array,
    near_fame: Array,
    fame: Array,
) -> None:
    """Fill ``target``, one follow after the other in the order of their times."""
    count = len(people.created)
    tastes = people.vector
    filled = np.zeros(count, dtype=np.int32)
    latest = np.full(count, -1, dtype=np.int32)
    for edge in order:
        user, time = follower[edge], since[edge]
        base, have = start[user], filled[user]
        other = -1
        for attempt in range(TRIES):
            way = uniform(random)
            choosy = 0.25
            if way < BACK:
                other = latest[user]
            elif way < BACK + TRIAD and have > 0:
                friend = target[base + pick(random, have)]
                if filled[friend] == 0:
                    continue
                other = target[start[friend] + pick(random, filled[friend])]
            elif way < BACK + TRIAD + NEAR:
                at = uniform(random)
                slot = 0 if at < people.share[user, 0] else (1 if at < people.share[user, 1] else 2)
                group = people.community[user, slot]
                low, high = bounds[group], bounds[group + 1]
                if low == high:
                    continue
                level = near_fame[low] + uniform(random) * (near_fame[high] - near_fame[low])
                other = member[low + max(0, np.searchsorted(near_fame[low : high + 1], level, side="right") - 1)]
            else:
                other = np.searchsorted(fame, uniform(random) * fame[count], side="right") - 1
                choosy = 0.6
            if other < 0 or other == user or other >= count or people.created[other] > time:
                continue
            affinity = np.float32(0.0)
            for d in range(tastes.shape[1]):
                affinity += tastes[user, d] * tastes[other, d]
            if uniform(random) > choosy + (1.0 - choosy) * max(float(affinity), 0.0) ** 1.5 and attempt < TRIES // 2:
                continue
            if not _among(target, base, have, other):
                break
            other = -1
        while other < 0 or other == user or other >= count or _among(target, base, have, other):
            other = pick(random, count)
        since[edge] = max(time, people.created[other] + SECOND)
        target[base + have] = other
        filled[user] = have + 1
        latest[other] = user


@compiled
def _among(target: Array, base: int, have: int, other: int) -> bool:
    for at in range(base, base + have):  # noqa: SIM110 (compiled code)
        if target[at] == other:
            return True
    return False
