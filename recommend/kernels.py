"""Compiled loops over `graph.live.View`: each does what the query of ``cypher/candidates`` of its name says.

They keep to its caps. ``kind`` is the one asked for, as in ``kinds`` (contents,): one of
`graph.live.tops`, or 0 for any.
``seen`` marks contents to leave out, ``shut`` people whose watches do not count; ``head`` (-1 everywhere) and ``score``
are scratch of one value a content, and each loop leaves its scratch as it was. Contents come back best first, ties by
id: ``ranks`` (contents,) has their order, as ``tag_ranks`` and ``genre_ranks`` have that of the others. Sums are taken
in the order in which the query takes them, so that equal scores are equal here too.
"""

from __future__ import annotations

import numba
import numpy as np

from graph.live.rows import neighbour, place_of

__all__ = ["best", "chosen", "co_watch", "followed_activity", "followed_makers", "mark"]

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201, D103


@numba.njit(cache=True)
def best(keys, ids, count, limit):
    """Places of the ``limit`` highest ``keys`` among the first ``count``, the highest first, ties by lower id."""
    kept = np.empty(min(limit, count), dtype=np.int64)
    size = 0
    for place in range(count):
        key, own = keys[place], ids[place]
        if size == len(kept):
            if size == 0:
                break
            last = kept[size - 1]
            if key < keys[last] or (key == keys[last] and own > ids[last]):
                continue
            size -= 1
        at = size
        while at > 0 and (key > keys[kept[at - 1]] or (key == keys[kept[at - 1]] and own < ids[kept[at - 1]])):
            kept[at] = kept[at - 1]
            at -= 1
        kept[at] = place
        size += 1
    return kept[:size]


@numba.njit(cache=True)
def chosen(found, count, score, seen, kinds, kind, ranks, limit):
    """The best of the contents found that may be shown, and their scores."""
    able = np.empty(count, dtype=np.int64)
    keys = np.empty(count, dtype=np.float64)
    ids = np.empty(count, dtype=np.float64)
    size = 0
    for place in range(count):
        content = found[place]
        if seen[content] or (kind and kinds[content] != kind):
            continue
        able[size], keys[size], ids[size] = content, score[content], ranks[content]
        size += 1
    order = best(keys, ids, size, limit)
    return able[order], keys[order]


@numba.njit(cache=True)
def mark(watches, made, me, seen, value):
    """Set ``seen`` of what a person watched or made."""
    for k in range(watches.length[me]):
        seen[neighbour(watches, place_of(watches, me, k))] = value
    if me < len(made.start):
        for place in range(made.start[me], made.end[me]):
            seen[made.to[place]] = value


@numba.njit(cache=True)
def followed_activity(
    watches, follows, users_rank, shut, me, kinds, kind, friends, per_friend, ranks, head, score, seen, limit
):
    many = min(friends, follows.length[me])
    entries = many * per_friend
    engagement = np.empty(entries, dtype=np.float64)
    who = np.empty(entries, dtype=np.float64)
    after = np.empty(entries, dtype=np.int64)
    found = np.empty(entries, dtype=np.int64)
    size, count, base, used = 0, 0, len(watches.to), 0
    for f in range(follows.length[me]):
        friend = neighbour(follows, place_of(follows, me, f))
        if shut[friend]:
            continue
        if used == many:
            break
        used += 1
        taken = 0
        for k in range(watches.length[friend]):
            if taken == per_friend:
                break
            place = place_of(watches, friend, k)
            content = neighbour(watches, place)
            if kind and kinds[content] != kind:
                continue
            taken += 1
            value = watches.engagement[place] if place < base else watches.more_engagement[place - base]
            engagement[size], who[size] = value, users_rank[friend]
            if head[content] < 0:
                found[count] = content
                count += 1
            before, at = -1, head[content]
            while at >= 0 and (engagement[at] > value or (engagement[at] == value and who[at] < who[size])):
                before, at = at, after[at]
            after[size] = at
            if before < 0:
                head[content] = size
            else:
                after[before] = size
            size += 1
    for place in range(count):
        content = found[place]
        total, at = 0.0, head[content]
        while at >= 0:
            total += engagement[at]
            at = after[at]
        score[content] = total
    found_best, scores = chosen(found, count, score, seen, kinds, 0, ranks, limit)
    for place in range(count):
        head[found[place]] = -1
    return found_best, scores


@numba.njit(cache=True)
def co_watch(
    watches, watchers, shut, me, kinds, kind, items, per_item, per_user, crowd, busy, ranks, head, score, seen, limit
):
    mine = np.empty(items, dtype=np.int64)
    ids = np.empty(items, dtype=np.float64)
    sizes = np.empty(items, dtype=np.float64)
    many = 0
    for k in range(watches.length[me]):
        if many == items:
            break
        item = neighbour(watches, place_of(watches, me, k))
        if watchers.length[item] <= crowd:
            mine[many], sizes[many], ids[many] = item, -watchers.length[item], ranks[item]
            many += 1
    order = best(sizes, ids, many, many)
    found = np.empty(many * per_item * per_user, dtype=np.int64)
    times = np.zeros(many * per_item * per_user, dtype=np.int64)
    total = 0
    for o in order:
        item = mine[o]
        weight = 1.0 / np.sqrt(np.float64(watchers.length[item]))
        used = 0
        for k in range(watchers.length[item]):
            other = neighbour(watchers, place_of(watchers, item, k))
            if shut[other]:
                continue
            if used == per_item:
                break
            used += 1
            if watches.length[other] > busy:
                continue
            for j in range(min(per_user, watches.length[other])):
                content = neighbour(watches, place_of(watches, other, j))
                if head[content] < 0:
                    head[content] = total
                    found[total] = content
                    score[content] = 0.0
                    total += 1
                times[head[content]] += 1
        for place in range(total):
            if times[place]:
                score[found[place]] += times[place] * weight
                times[place] = 0
    found_best, scores = chosen(found, total, score, seen, kinds, kind, ranks, limit)
    for place in range(total):
        head[found[place]] = -1
    return found_best, scores


@numba.njit(cache=True)
def followed_makers(
    follows, made, makers, created, newest, me, kinds, kind, friends, per_friend, ranks, head, seen, followed, limit
):
    many = min(friends, follows.length[me])
    wide = follows.length[me] > friends
    found = np.empty(many * per_friend + (len(newest) if wide else 0), dtype=np.int64)
    count = 0
    for f in range(many):
        friend = neighbour(follows, place_of(follows, me, f))
        taken = 0
        if friend >= len(made.start):
            continue
        for place in range(made.start[friend], made.end[friend]):
            if taken == per_friend:
                break
            content = made.to[place]
            if kind and kinds[content] != kind:
                continue
            taken += 1
            if head[content] < 0:
                head[content] = 0
                found[count] = content
                count += 1
    if wide:
        for f in range(follows.length[me]):
            followed[neighbour(follows, place_of(follows, me, f))] = 1
        for content in newest:
            if head[content] >= 0 or (kind and kinds[content] != kind):
                continue
            for place in range(makers.start[content], makers.end[content]):
                if followed[makers.to[place]]:
                    head[content] = 0
                    found[count] = content
                    count += 1
                    break
        for f in range(follows.length[me]):
            followed[neighbour(follows, place_of(follows, me, f))] = 0
    able = np.empty(count, dtype=np.int64)
    keys = np.empty(count, dtype=np.float64)
    ids = np.empty(count, dtype=np.float64)
    size = 0
    for place in range(count):
        content = found[place]
        head[content] = -1
        if not seen[content]:
            able[size], keys[size], ids[size] = content, np.float64(created[content]), ranks[content]
            size += 1
    newest_first = able[best(keys, ids, size, limit)]
    return newest_first, 1.0 / (1.0 + np.arange(len(newest_first)))
