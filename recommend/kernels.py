"""Compiled loops over `graph.live.View`: each does what the query of ``cypher/candidates`` of its name says.

They keep to its caps. ``kind`` is the one asked for, as in ``kinds`` (contents,): `KEAK`, `BEAT`, or 0 for any.
``seen`` marks contents to leave out, ``shut`` people whose watches do not count; ``head`` (-1 everywhere) and ``score``
are scratch of one value a content, and each loop leaves its scratch as it was. Contents come back best first, ties by
id: they are numbered in the order of their ids. Sums are taken in the order in which the query takes them, so that
equal scores are equal here too.
"""

from __future__ import annotations

import numba
import numpy as np

from graph.live.rows import neighbour, place_of, when
from graph.live.tops import BEAT, KEAK

__all__ = ["best", "co_watch", "followed_activity", "followed_makers", "same_beat", "same_genre", "same_hashtag"]

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202, D103


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
def _chosen(found, count, score, seen, kinds, kind, limit):
    """The best of the contents found that may be shown, and their scores."""
    able = np.empty(count, dtype=np.int64)
    keys = np.empty(count, dtype=np.float64)
    size = 0
    for place in range(count):
        content = found[place]
        if seen[content] or (kind and kinds[content] != kind):
            continue
        able[size], keys[size] = content, score[content]
        size += 1
    order = best(keys, able, size, limit)
    return able[order], keys[order]


@numba.njit(cache=True)
def mark(watches, made, me, seen, value):
    """Set ``seen`` of what a person watched or made."""
    for k in range(watches.length[me]):
        seen[neighbour(watches, place_of(watches, me, k))] = value
    if me + 1 < len(made.indptr):
        for place in range(made.indptr[me], made.indptr[me + 1]):
            seen[made.to[place]] = value


@numba.njit(cache=True)
def followed_activity(
    watches, follows, users_rank, shut, me, kinds, kind, friends, per_friend, head, score, seen, limit
):
    many = min(friends, follows.length[me])
    entries = many * per_friend
    worth = np.empty(entries, dtype=np.float64)
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
            value = watches.worth[place] if place < base else watches.more_worth[place - base]
            worth[size], who[size] = value, users_rank[friend]
            if head[content] < 0:
                found[count] = content
                count += 1
            before, at = -1, head[content]
            while at >= 0 and (worth[at] > value or (worth[at] == value and who[at] < who[size])):
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
            total += worth[at]
            at = after[at]
        score[content] = total
    chosen, scores = _chosen(found, count, score, seen, kinds, 0, limit)
    for place in range(count):
        head[found[place]] = -1
    return chosen, scores


@numba.njit(cache=True)
def co_watch(
    watches, watchers, shut, me, kinds, kind, items, per_item, per_user, crowd, busy, head, score, seen, limit
):
    mine = np.empty(items, dtype=np.int64)
    sizes = np.empty(items, dtype=np.float64)
    many = 0
    for k in range(watches.length[me]):
        if many == items:
            break
        item = neighbour(watches, place_of(watches, me, k))
        if watchers.length[item] <= crowd:
            mine[many], sizes[many] = item, -watchers.length[item]
            many += 1
    order = best(sizes, mine, many, many)
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
    chosen, scores = _chosen(found, total, score, seen, kinds, kind, limit)
    for place in range(total):
        head[found[place]] = -1
    return chosen, scores


@numba.njit(cache=True)
def followed_makers(
    follows, made, makers, created, newest, me, kinds, kind, friends, per_friend, head, seen, followed, limit
):
    many = min(friends, follows.length[me])
    wide = follows.length[me] > friends
    found = np.empty(many * per_friend + (len(newest) if wide else 0), dtype=np.int64)
    count = 0
    for f in range(many):
        friend = neighbour(follows, place_of(follows, me, f))
        taken = 0
        if friend + 1 >= len(made.indptr):
            continue
        for place in range(made.indptr[friend], made.indptr[friend + 1]):
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
            for place in range(makers.indptr[content], makers.indptr[content + 1]):
                if followed[makers.to[place]]:
                    head[content] = 0
                    found[count] = content
                    count += 1
                    break
        for f in range(follows.length[me]):
            followed[neighbour(follows, place_of(follows, me, f))] = 0
    able = np.empty(count, dtype=np.int64)
    keys = np.empty(count, dtype=np.float64)
    size = 0
    for place in range(count):
        content = found[place]
        head[content] = -1
        if not seen[content]:
            able[size], keys[size] = content, np.float64(created[content])
            size += 1
    chosen = able[best(keys, able, size, limit)]
    return chosen, 1.0 / (1.0 + np.arange(len(chosen)))


@numba.njit(cache=True)
def lately(watches, made, created, me, head, most):
    """What a person watched or made last, by the time of the watch, else by that of the content; newest first."""
    size = watches.length[me]
    first = made.indptr[me] if me + 1 < len(made.indptr) else 0
    last = made.indptr[me + 1] if me + 1 < len(made.indptr) else 0
    items = np.empty(size + last - first, dtype=np.int64)
    at = np.empty(size + last - first, dtype=np.float64)
    nothing = np.iinfo(np.int64).min
    for k in range(size):
        place = place_of(watches, me, k)
        items[k] = neighbour(watches, place)
        time = when(watches, place)
        at[k] = np.float64(created[items[k]] if time == nothing else time)
        head[items[k]] = k
    for place in range(first, last):
        item = made.to[place]
        if head[item] >= 0:
            at[head[item]] = max(at[head[item]], np.float64(created[item]))
        else:
            items[size], at[size] = item, np.float64(created[item])
            head[item] = size
            size += 1
    for k in range(size):
        head[items[k]] = -1
    return items[best(at, items, size, most)]


@numba.njit(cache=True)
def same_beat(
    watches, made, uses, used_by, created, audience, me, kinds, kind, items, beats, per_beat, head, score, seen, limit
):
    own = lately(watches, made, created, me, head, items)
    size = len(own)
    for item in own:
        size += uses.indptr[item + 1] - uses.indptr[item]
    found = np.empty(size, dtype=np.int64)
    counts = np.zeros(size, dtype=np.float64)
    size = 0
    for item in own:
        for step in range(-1, uses.indptr[item + 1] - uses.indptr[item]):
            near = item if step < 0 else uses.to[uses.indptr[item] + step]
            if kinds[near] != BEAT or (step >= 0 and near == item):
                continue
            if head[near] < 0:
                head[near] = size
                found[size] = near
                size += 1
            counts[head[near]] += 1
    for place in range(size):
        head[found[place]] = -1
    order = best(counts, found, size, beats)
    total = np.empty(len(order) * per_beat, dtype=np.int64)
    many = 0
    for o in order:
        keaks = used_by.to[used_by.indptr[found[o]] : used_by.indptr[found[o] + 1]]
        able = np.empty(len(keaks), dtype=np.int64)
        keys = np.empty(len(keaks), dtype=np.float64)
        able_size = 0
        for content in keaks:
            if kinds[content] == KEAK:
                able[able_size], keys[able_size] = content, audience[content]
                able_size += 1
        for place in best(keys, able, able_size, per_beat):
            content = able[place]
            if head[content] < 0:
                head[content] = 0
                score[content] = 0.0
                total[many] = content
                many += 1
            score[content] += counts[o]
    for place in range(many):
        content = total[place]
        head[content] = -1
        score[content] = score[content] + audience[content] / (audience[content] + 100.0)
    return _chosen(total, many, score, seen, kinds, kind, limit)


@numba.njit(cache=True)
def _runs(values, count):
    """Distinct ``values`` among the first ``count``, and how often each is there."""
    ordered = np.sort(values[:count])
    kept = np.empty(count, dtype=np.int64)
    times = np.empty(count, dtype=np.float64)
    size = 0
    for value in ordered:
        if size and kept[size - 1] == value:
            times[size - 1] += 1
        else:
            kept[size], times[size] = value, 1.0
            size += 1
    return kept[:size], times[:size]


@numba.njit(cache=True)
def same_hashtag(
    watches,
    made,
    tags,
    tagged,
    created,
    audience,
    me,
    kinds,
    kind,
    items,
    hashtags,
    per_hashtag,
    crowd,
    head,
    score,
    seen,
    limit,
):
    own = lately(watches, made, created, me, head, items)
    size = 0
    for item in own:
        size += tags.indptr[item + 1] - tags.indptr[item]
    all_tags = np.empty(size, dtype=np.int64)
    size = 0
    for item in own:
        for place in range(tags.indptr[item], tags.indptr[item + 1]):
            tag = tags.to[place]
            if tagged.indptr[tag + 1] - tagged.indptr[tag] <= crowd:
                all_tags[size] = tag
                size += 1
    kept, times = _runs(all_tags, size)
    for place in range(len(kept)):
        uses = tagged.indptr[kept[place] + 1] - tagged.indptr[kept[place]]
        times[place] = times[place] / np.sqrt(np.float64(uses))
    order = best(times, kept, len(kept), hashtags)
    total = np.empty(len(order) * per_hashtag, dtype=np.int64)
    many = 0
    for o in order:
        contents = tagged.to[tagged.indptr[kept[o]] : tagged.indptr[kept[o] + 1]]
        keys = np.empty(len(contents), dtype=np.float64)
        ids = np.empty(len(contents), dtype=np.int64)
        for place in range(len(contents)):
            keys[place], ids[place] = audience[contents[place]], contents[place]
        for place in best(keys, ids, len(contents), per_hashtag):
            content = contents[place]
            if head[content] < 0:
                head[content] = 0
                score[content] = 0.0
                total[many] = content
                many += 1
            score[content] += times[o]
    for place in range(many):
        head[total[place]] = -1
    # Ties go to the most watched: chosen by that first, then by score in a stable order.
    keys = np.empty(many, dtype=np.float64)
    able = np.empty(many, dtype=np.int64)
    size = 0
    for place in range(many):
        content = total[place]
        if seen[content] or (kind and kinds[content] != kind):
            continue
        able[size], keys[size] = content, audience[content]
        size += 1
    ordered = able[best(keys, able, size, size)]
    scores = np.empty(size, dtype=np.float64)
    for place in range(size):
        scores[place] = score[ordered[place]]
    order = best(scores, np.arange(size), size, limit)
    return ordered[order], scores[order]


@numba.njit(cache=True)
def same_genre(
    watches,
    listens,
    creates,
    uses,
    used_by,
    genres,
    of_genre,
    audience,
    popular,
    me,
    kinds,
    kind,
    items,
    wanted,
    per_genre,
    per_beat,
    crowd,
    head,
    score,
    seen,
    limit,
):
    size = 0
    taste = np.empty(4_096, dtype=np.int64)
    weight_of = np.empty(4_096, dtype=np.float64)
    for edges in (listens, creates):
        if me + 1 < len(edges.indptr):
            for place in range(edges.indptr[me], edges.indptr[me + 1]):
                if size < len(taste):
                    taste[size], weight_of[size] = edges.to[place], 3.0
                    size += 1
    for k in range(min(items, watches.length[me])):
        item = neighbour(watches, place_of(watches, me, k))
        for step in range(-1, uses.indptr[item + 1] - uses.indptr[item]):
            near = item if step < 0 else uses.to[uses.indptr[item] + step]
            for place in range(genres.indptr[near], genres.indptr[near + 1]):
                if size < len(taste):
                    taste[size], weight_of[size] = genres.to[place], 1.0
                    size += 1
    order = np.argsort(taste[:size])
    kept = np.empty(size, dtype=np.int64)
    weights = np.empty(size, dtype=np.float64)
    many = 0
    for o in order:
        if many and kept[many - 1] == taste[o]:
            weights[many - 1] += weight_of[o]
        else:
            kept[many], weights[many] = taste[o], weight_of[o]
            many += 1
    order = best(weights, kept, many, wanted)
    total = 0.0
    for o in order:
        total += weights[o]
    # The beats of each genre, most watched first; crowded ones are looked for among the popular keaks in one pass.
    beats = np.empty(len(order) * per_genre, dtype=np.int64)
    share_of = np.empty(len(order) * per_genre, dtype=np.float64)
    count = 0
    for o in order:
        contents = of_genre.to[of_genre.indptr[kept[o]] : of_genre.indptr[kept[o] + 1]]
        keys = np.empty(len(contents), dtype=np.float64)
        ids = np.empty(len(contents), dtype=np.int64)
        for place in range(len(contents)):
            keys[place], ids[place] = audience[contents[place]], contents[place]
        for place in best(keys, ids, len(contents), per_genre):
            beats[count], share_of[count] = contents[place], weights[o] / total
            count += 1
    crowded = False
    for b in range(count):
        if used_by.indptr[beats[b] + 1] - used_by.indptr[beats[b]] > crowd:
            head[beats[b]] = 0
            crowded = True
    carried = np.empty((count if crowded else 0, per_beat), dtype=np.int64)
    filled = np.zeros(count, dtype=np.int64)
    if crowded:
        slot = 0
        for b in range(count):
            if head[beats[b]] == 0:
                head[beats[b]] = 1 + b
        for content in popular:
            if audience[content] <= 0 or seen[content]:
                continue
            for place in range(uses.indptr[content], uses.indptr[content + 1]):
                near = uses.to[place]
                if kinds[near] == BEAT and head[near] > 0:
                    slot = head[near] - 1
                    if filled[slot] < per_beat:
                        carried[slot, filled[slot]] = content
                        filled[slot] += 1
    found = np.empty(count * (1 + per_beat), dtype=np.int64)
    shares = np.empty(count * (1 + per_beat), dtype=np.float64)
    size = 0
    for b in range(count):
        content = beats[b]
        if not seen[content]:
            found[size], shares[size] = content, share_of[b]
            size += 1
        if head[content] > 0:
            slot = head[content] - 1
            for place in range(filled[slot]):
                found[size], shares[size] = carried[slot, place], share_of[b]
                size += 1
        else:
            keaks = used_by.to[used_by.indptr[content] : used_by.indptr[content + 1]]
            keys = np.empty(len(keaks), dtype=np.float64)
            ids = np.empty(len(keaks), dtype=np.int64)
            able = 0
            for keak in keaks:
                if kinds[keak] == KEAK and not seen[keak]:
                    keys[able], ids[able] = audience[keak], keak
                    able += 1
            for place in best(keys, ids, able, per_beat):
                found[size], shares[size] = ids[place], share_of[b]
                size += 1
    for b in range(count):
        head[beats[b]] = -1
    distinct = np.empty(size, dtype=np.int64)
    many = 0
    for place in range(size):
        content = found[place]
        if head[content] < 0:
            head[content] = 0
            score[content] = 0.0
            distinct[many] = content
            many += 1
        score[content] += shares[place]
    for place in range(many):
        content = distinct[place]
        head[content] = -1
        score[content] = score[content] * audience[content] / (audience[content] + 100.0)
    return _chosen(distinct, many, score, seen, kinds, kind, limit)
