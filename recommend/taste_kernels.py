"""The compiled loops of `recommend.kernels` that go by a person's taste: beats, hashtags and genres.

What ``kind``, ``seen``, ``head`` and ``score`` are stands there.
"""

from __future__ import annotations

import numba
import numpy as np

from graph.live.rows import neighbour, place_of, when
from graph.live.tops import BEAT, KEAK
from recommend.kernels import best, chosen

__all__ = ["lately", "same_beat", "same_genre", "same_hashtag"]

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202, D103


@numba.njit(cache=True)
def _add(content, value, head, score, found, count):
    """Add ``value`` to the score of a content, and the content to ``found`` when it is new; how many are found now."""
    if head[content] < 0:
        head[content] = 0
        score[content] = 0.0
        found[count] = content
        count += 1
    score[content] += value
    return count


@numba.njit(cache=True)
def _most_watched(contents, audience, limit):
    """The ``limit`` most watched of ``contents``, ties by lower id."""
    keys = np.empty(len(contents), dtype=np.float64)
    for place in range(len(contents)):
        keys[place] = audience[contents[place]]
    return contents[best(keys, contents, len(contents), limit)]


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
            many = _add(content, counts[o], head, score, total, many)
    for place in range(many):
        content = total[place]
        head[content] = -1
        score[content] = score[content] + audience[content] / (audience[content] + 100.0)
    return chosen(total, many, score, seen, kinds, kind, limit)


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
        for content in _most_watched(contents, audience, per_hashtag):
            many = _add(content, times[o], head, score, total, many)
    for place in range(many):
        head[total[place]] = -1
    # Ties go to the most watched: chosen by that first, then by score in a stable order.
    ordered, _ = chosen(total, many, audience, seen, kinds, kind, many)
    size = len(ordered)
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
        for beat in _most_watched(contents, audience, per_genre):
            beats[count], share_of[count] = beat, weights[o] / total
            count += 1
    crowded = False
    for b in range(count):
        if used_by.indptr[beats[b] + 1] - used_by.indptr[beats[b]] > crowd:
            crowded = True
            if head[beats[b]] < 0:
                head[beats[b]] = 1 + b
    carried = np.empty((count if crowded else 0, per_beat), dtype=np.int64)
    filled = np.zeros(count, dtype=np.int64)
    if crowded:
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
        many = _add(found[place], shares[place], head, score, distinct, many)
    for place in range(many):
        content = distinct[place]
        head[content] = -1
        score[content] = score[content] * audience[content] / (audience[content] + 100.0)
    return chosen(distinct, many, score, seen, kinds, kind, limit)
