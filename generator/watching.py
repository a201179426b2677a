"""Who watches what and when: sessions over two years, in which each view is a choice among a few contents.

For a view a person comes across ``MET`` contents: recently watched or made by followed people, trending in their own
community or everywhere, found by a search for their own taste, or new. One of them is watched, with odds that grow with
affinity and quality (a multinomial logit choice: McFadden 1974). Progress, likes, comments and shares follow from the
same two numbers. ``choices`` gives the odds of everything that could be watched instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from generator.chance import Array, compiled, normal, pick, uniform
from generator.follows import Follows
from generator.memory import RECENT, State
from generator.sessions import Sessions
from generator.tastes import SECOND, Catalogue, People, World

__all__ = ["COMMENTED", "LIKED", "SHARED", "Views", "choices", "pleasure", "watch"]

MET: Final = 8
"""Contents that a person comes across before one of them is watched."""
TASTE: Final = 5.0
"""Weight of affinity in the odds."""
QUALITY: Final = 0.6
"""Weight of quality in the odds."""
TIE: Final = 0.7
"""Added to the logit of a content that comes from a followed person."""
AGAIN: Final = 0.03
"""Share of views that repeat an earlier one."""
GROUP_TREND, TREND, SEARCH = 0.30, 0.12, 0.48
"""Shares of contents that do not come from followed people: trends in the community, trends everywhere, a search; the
rest is new."""
CLOSER: Final = 0.8
"""Probability that of three followed people the one with the closest taste is taken, else the first."""
MADE: Final = 0.15
"""Share of the contents from followed people that they made; the rest they watched."""
MEMORY: Final = 180 * 86_400 * SECOND
"""Followers come across watches of the last half year only."""
LOOK_BACK: Final = 256
"""Number of a person's last views that they do not come across again."""
LIKED, COMMENTED, SHARED = 1, 2, 4
"""Bits of ``Views.marks``."""


class Views(NamedTuple):
    """Rows of the audiences file."""

    user: Array
    """(v,) int32."""
    content: Array
    """(v,) int32."""
    at: Array
    """(v,) int64."""
    progress: Array
    """(v,) float32 in 0..1, two decimals: the files hold whole percent."""
    marks: Array
    """(v,) uint8: LIKED, COMMENTED and SHARED added up."""


class Probe(NamedTuple):
    """Where ``_watch`` records what the probed users could have watched."""

    row: Array
    """(n,) int32: row of each probed user, -1 for the others."""
    user: Array
    """(p,) int32: row of the probed user, for each content met."""
    content: Array
    """(p,) int32."""
    odds: Array
    """(p,) float32: the probability with which it was chosen."""
    used: Array
    """(1,) int64: entries noted so far."""
    again: int
    """How often each of their views is drawn; the last draw is the one that happens."""


def watch(
    world: World, graph: Follows, visits: Sessions, state: State, begin: int, end: int, chunk: int = 1_000_000
) -> Iterator[Views]:
    """Simulate sessions ``begin``..``end``-1; gives ``chunk`` views or a few more at a time."""
    size_before = np.concatenate([[0], np.cumsum(visits.length, dtype=np.int64)])
    nobody = _probe(np.full(world.sizes.users, -1, np.int32), 0, 1)
    while begin < end:
        upto = int(np.searchsorted(size_before, size_before[begin] + chunk, side="right"))
        upto = min(max(upto, begin + 1), end)
        size = int(size_before[upto] - size_before[begin])
        views = _views(size)
        _watch(world.people, world.catalogue, graph, visits, state, nobody, views, begin, upto)
        yield views
        begin = upto


def choices(
    world: World, graph: Follows, visits: Sessions, state: State, begin: int, probed: Array, again: int = 1
) -> tuple[Array, Array, Array]:
    """Simulate a future from session ``begin`` on; gives what ``probed`` users come across, and the odds of each.

    Each of their views is drawn ``again`` times, for precise odds within one future. ``state`` is changed. Returns rows
    of ``probed``, contents and odds, all of one shape; pairs may repeat, and the odds of a user add up to their views
    that do not repeat an earlier one.
    """
    row = np.full(world.sizes.users, -1, dtype=np.int32)
    row[probed] = np.arange(len(probed), dtype=np.int32)
    later = Sessions(visits.user[begin:], visits.at[begin:], visits.length[begin:], visits.views)
    most = int(later.length[row[later.user] >= 0].sum()) * MET * again
    probe = _probe(row, most, again)
    views = _views(int(later.length.sum()))
    _watch(world.people, world.catalogue, graph, later, state, probe, views, 0, len(later.user))
    used = int(probe.used[0])
    return probe.user[:used], probe.content[:used], probe.odds[:used] / np.float32(again)


def _probe(row: Array, size: int, again: int) -> Probe:
    user, content, odds = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.float32)
    return Probe(row, user, content, odds, np.zeros(1, np.int64), again)


def _views(size: int) -> Views:
    user, content, at = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int64)
    return Views(user, content, at, np.empty(size, np.float32), np.empty(size, np.uint8))


@compiled
def _watch(
    people: People,
    catalogue: Catalogue,
    graph: Follows,
    visits: Sessions,
    state: State,
    probe: Probe,
    views: Views,
    begin: int,
    end: int,
) -> None:
    """Simulate the sessions one by one; fills ``views`` and changes ``state``."""
    # Numba counts references at each access to an array in a tuple, so all arrays are taken out before the loops.
    taste, community, share, sociability = people.vector, people.community, people.share, people.sociability
    content_taste, quality, created, by_time = catalogue.vector, catalogue.quality, catalogue.created, catalogue.by_time
    group_start, group, made_start, made = catalogue.group_start, catalogue.group, catalogue.made_start, catalogue.made
    follow_start, followed, since = graph.start, graph.target, graph.since
    history, watched, following, grown = state.history, state.watched, state.following, state.grown
    recent, recent_at, recents = state.recent, state.recent_at, state.recents
    trend, trends, group_trend, group_trends = state.trend, state.trends, state.group_trend, state.group_trends
    random, probe_row, generosity = state.random, probe.row, people.generosity
    visitor, visit_at, visit_length, history_start = visits.user, visits.at, visits.length, state.history_start
    met = np.empty(MET, dtype=np.int32)
    utility = np.empty(MET, dtype=np.float64)
    affinities = np.empty(MET, dtype=np.float64)
    row = 0
    alive = 0
    for visit in range(begin, end):
        user, time = visitor[visit], visit_at[visit]
        while alive < len(by_time) and created[by_time[alive]] <= time:
            alive += 1
        base = follow_start[user]
        degree = follow_start[user + 1] - base
        while following[user] < degree and since[base + following[user]] <= time:
            following[user] += 1
        friends = following[user]
        past = history_start[user]
        for _ in range(visit_length[visit]):
            seen = watched[user]
            chosen, affinity = -1, 0.0
            if seen > 0 and uniform(random) < AGAIN:
                chosen = history[past + seen - 1 - pick(random, min(seen, 60))]
                affinity = _affinity(taste, user, content_taste, chosen)
            else:
                for _draw in range(probe.again if probe_row[user] >= 0 else 1):
                    found, best, total = 0, -1e9, 0.0
                    for _attempt in range(4 * MET):
                        social = friends > 0 and uniform(random) < sociability[user]
                        if social:
                            content = _through_friends(
                                random, taste, user, followed, base, friends, made_start, made, created, recent,
                                recent_at, recents, time,
                            )  # fmt: skip
                        else:
                            content = _elsewhere(
                                random, _community(random, community, share, user), trend, trends, group_trend,
                                group_trends, group_start, group, created, grown, by_time, alive, time,
                            )  # fmt: skip
                        if content < 0 or _among(history, past + max(0, seen - LOOK_BACK), past + seen, content):
                            continue
                        affinities[found] = _affinity(taste, user, content_taste, content)
                        met[found] = content
                        utility[found] = TASTE * affinities[found] + QUALITY * quality[content] + TIE * social
                        best = max(best, utility[found])
                        found += 1
                        if found == MET:
                            break
                    for at in range(found):
                        utility[at] = math.exp(utility[at] - best)
                        total += utility[at]
                    if probe_row[user] >= 0:
                        _note(probe, probe_row[user], met, utility, found, total)
                level = uniform(random) * total
                for at in range(found):
                    level -= utility[at]
                    if level <= 0.0 or at == found - 1:
                        chosen, affinity = met[at], affinities[at]
                        break
                if chosen < 0:
                    chosen = by_time[pick(random, max(alive, 1))]
                    affinity = _affinity(taste, user, content_taste, chosen)
            mood = pleasure(affinity, quality[chosen])
            progress = 1.0 / (1.0 + math.exp(-(mood + 0.9 * normal(random))))
            marks = _marks(random, mood, generosity[user])
            views.user[row] = user
            views.content[row] = chosen
            views.at[row] = time
            views.progress[row] = round(progress * 100.0) / 100.0
            views.marks[row] = marks
            row += 1
            time += np.int64((8.0 + 50.0 * progress + 20.0 * uniform(random)) * SECOND) + pick(random, SECOND)
            history[past + seen] = chosen
            watched[user] = seen + 1
            if progress > 0.5 or marks > 0:  # enjoyed: followers may come across it
                recent[user, recents[user] % RECENT] = chosen
                recent_at[user, recents[user] % RECENT] = time
                recents[user] += 1
                main = community[user, 0]
                group_trend[main, group_trends[main] % group_trend.shape[1]] = chosen
                group_trends[main] += 1
                trend[trends[0] % len(trend)] = chosen
                trends[0] += 1


@compiled
def pleasure(affinity: Any, quality: Any) -> Any:
    """How much a person enjoys a content, from which engagement follows; 0 is indifference."""
    return -0.9 + 3.2 * affinity + 0.35 * quality


@compiled
def _affinity(tastes: Array, user: int, contents: Array, content: int) -> float:
    total = np.float32(0.0)
    for d in range(tastes.shape[1]):
        total += tastes[user, d] * contents[content, d]
    return float(total)


@compiled
def _among(history: Array, low: int, high: int, content: int) -> bool:
    for at in range(low, high):  # noqa: SIM110 (compiled code)
        if history[at] == content:
            return True
    return False


@compiled
def _note(probe: Probe, row: int, met: Array, weight: Array, found: int, total: float) -> None:
    users, contents, odds, used = probe.user, probe.content, probe.odds, probe.used
    for at in range(found):
        users[used[0]] = row
        contents[used[0]] = met[at]
        odds[used[0]] = weight[at] / total
        used[0] += 1


@compiled
def _marks(random: Array, mood: float, generosity: float) -> int:
    marks = 0
    will = mood + generosity
    if uniform(random) < 1.0 / (1.0 + math.exp(-(1.5 * will - 2.6))):
        marks += LIKED
    if uniform(random) < 1.0 / (1.0 + math.exp(-(1.2 * will - 4.6))):
        marks += COMMENTED
    if uniform(random) < 1.0 / (1.0 + math.exp(-(1.2 * will - 5.2))):
        marks += SHARED
    return marks


@compiled
def _community(random: Array, community: Array, share: Array, user: int) -> int:
    at = uniform(random)
    slot = 0 if at < share[user, 0] else (1 if at < share[user, 1] else 2)
    return int(community[user, slot])


@compiled
def _elsewhere(
    random: Array,
    own: int,
    trend: Array,
    trends: Array,
    group_trend: Array,
    group_trends: Array,
    group_start: Array,
    group: Array,
    created: Array,
    grown: Array,
    by_time: Array,
    alive: int,
    time: int,
) -> int:
    """A content that trends in the community ``own`` or everywhere, belongs to ``own``, or is new; -1 if none."""
    way = uniform(random)
    if way < GROUP_TREND:
        held = min(group_trends[own], group_trend.shape[1])
        return int(group_trend[own, pick(random, held)]) if held > 0 else -1
    if way < GROUP_TREND + TREND:
        held = min(trends[0], len(trend))
        return int(trend[pick(random, held)]) if held > 0 else -1
    if way < GROUP_TREND + TREND + SEARCH:
        low, high = group_start[own], group_start[own + 1]
        while grown[own] < high - low and created[group[low + grown[own]]] <= time:
            grown[own] += 1
        held = grown[own]
        return int(group[low + int(held * uniform(random) ** 0.8)]) if held > 0 else -1
    age = int(-math.log(1.0 - uniform(random)) * 0.02 * alive)
    return int(by_time[max(0, alive - 1 - age)]) if alive > 0 else -1


@compiled
def _through_friends(
    random: Array,
    tastes: Array,
    user: int,
    followed: Array,
    base: int,
    friends: int,
    made_start: Array,
    made: Array,
    created: Array,
    recent: Array,
    recent_at: Array,
    recents: Array,
    time: int,
) -> int:
    """A content that a followed person recently watched or made; mostly the person of closest taste among three."""
    friend = followed[base + pick(random, friends)]
    if uniform(random) < CLOSER:
        for _ in range(2):
            other = followed[base + pick(random, friends)]
            lead = np.float32(0.0)
            for d in range(tastes.shape[1]):
                lead += tastes[user, d] * (tastes[other, d] - tastes[friend, d])
            if lead > 0:
                friend = other
    if uniform(random) < MADE:
        low, high = made_start[friend], made_start[friend + 1]
        while high > low and created[made[high - 1]] > time:
            high -= 1
        if high > low:
            return int(made[high - 1 - pick(random, min(high - low, 6))])
    held = min(recents[friend], RECENT)
    if held == 0:
        return -1
    place = (recents[friend] - 1 - pick(random, held)) % RECENT
    return int(recent[friend, place]) if time - recent_at[friend, place] <= MEMORY else -1
