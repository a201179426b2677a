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
def _most_watched(contents, audience, ranks, limit):
    """The ``limit`` most watched of ``contents``, ties by lower id."""
    keys = np.empty(len(contents), dtype=np.float64)
    ids = np.empty(len(contents), dtype=np.float64)
    for place in range(len(contents)):
        keys[place], ids[place] = audience[contents[place]], ranks[contents[place]]
    return contents[best(keys, ids, len(contents), limit)]


@numba.njit(cache=True)
def lately(watches, made, created, ranks, me, head, most):
    """What a person watched or made last, by the time of the watch, else by that of the content; newest first."""
    size = watches.length[me]
    first = made.start[me] if me < len(made.start) else 0
    last = made.end[me] if me < len(made.start) else 0
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
    ids = np.empty(size, dtype=np.float64)
    for k in range(size):
        head[items[k]] = -1
        ids[k] = ranks[items[k]]
    return items[best(at, ids, size, most)]


@numba.njit(cache=True)
def same_beat(
    watches,
    made,
    uses,
    used_by,
    created,
    audience,
    me,
    kinds,
    kind,
    items,
    beats,
    per_beat,
    ranks,
    head,
    score,
    seen,
    limit,
):
    own = lately(watches, made, created, ranks, me, head, items)
    size = len(own)
    for item in own:
        size += uses.end[item] - uses.start[item]
    found = np.empty(size, dtype=np.int64)
    counts = np.zeros(size, dtype=np.float64)
    size = 0
    for item in own:
        for step in range(-1, uses.end[item] - uses.start[item]):
            near = item if step < 0 else uses.to[uses.start[item] + step]
            if kinds[near] != BEAT or (step >= 0 and near == item):
                continue
            if head[near] < 0:
                head[near] = size
                found[size] = near
                size += 1
            counts[head[near]] += 1
    for place in range(size):
        head[found[place]] = -1
    ids = np.empty(size, dtype=np.float64)
    for place in range(size):
        ids[place] = ranks[found[place]]
    order = best(counts, ids, size, beats)
    total = np.empty(len(order) * per_beat, dtype=np.int64)
    many = 0
    for o in order:
        keaks = used_by.to[used_by.start[found[o]] : used_by.end[found[o]]]
        able = np.empty(len(keaks), dtype=np.int64)
        keys = np.empty(len(keaks), dtype=np.float64)
        ids = np.empty(len(keaks), dtype=np.float64)
        able_size = 0
        for content in keaks:
            if kinds[content] == KEAK:
                able[able_size], keys[able_size], ids[able_size] = content, audience[content], ranks[content]
                able_size += 1
        for place in best(keys, ids, able_size, per_beat):
            content = able[place]
            many = _add(content, counts[o], head, score, total, many)
    for place in range(many):
        content = total[place]
        head[content] = -1
        score[content] = score[content] + audience[content] / (audience[content] + 100.0)
    return chosen(total, many, score, seen, kinds, kind, ranks, limit)


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
    ranks,
    tag_ranks,
    head,
    score,
    seen,
    limit,
):
    own = lately(watches, made, created, ranks, me, head, items)
    size = 0
    for item in own:
        size += tags.end[item] - tags.start[item]
    all_tags = np.empty(size, dtype=np.int64)
    size = 0
    for item in own:
        for place in range(tags.start[item], tags.end[item]):
            tag = tags.to[place]
            if tagged.end[tag] - tagged.start[tag] <= crowd:
                all_tags[size] = tag
                size += 1
    kept, times = _runs(all_tags, size)
    for place in range(len(kept)):
        uses = tagged.end[kept[place]] - tagged.start[kept[place]]
        times[place] = times[place] / np.sqrt(np.float64(uses))
    ids = np.empty(len(kept), dtype=np.float64)
    for place in range(len(kept)):
        ids[place] = tag_ranks[kept[place]]
    order = best(times, ids, len(kept), hashtags)
    total = np.empty(len(order) * per_hashtag, dtype=np.int64)
    many = 0
    for o in order:
        contents = tagged.to[tagged.start[kept[o]] : tagged.end[kept[o]]]
        for content in _most_watched(contents, audience, ranks, per_hashtag):
            many = _add(content, times[o], head, score, total, many)
    for place in range(many):
        head[total[place]] = -1
    # Ties go to the most watched: chosen by that first, then by score in a stable order.
    ordered, _ = chosen(total, many, audience, seen, kinds, kind, ranks, many)
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
    ranks,
    genre_ranks,
    head,
    score,
    seen,
    limit,
):
    size = 0
    taste = np.empty(4_096, dtype=np.int64)
    weight_of = np.empty(4_096, dtype=np.float64)
    for edges in (listens, creates):
        if me < len(edges.start):
            for place in range(edges.start[me], edges.end[me]):
                if size < len(taste):
                    taste[size], weight_of[size] = edges.to[place], 3.0
                    size += 1
    for k in range(min(items, watches.length[me])):
        item = neighbour(watches, place_of(watches, me, k))
        for step in range(-1, uses.end[item] - uses.start[item]):
            near = item if step < 0 else uses.to[uses.start[item] + step]
            for place in range(genres.start[near], genres.end[near]):
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
    own = np.empty(many, dtype=np.float64)
    for place in range(many):
        own[place] = genre_ranks[kept[place]]
    order = best(weights, own, many, wanted)
    total = 0.0
    for o in order:
        total += weights[o]
    # The beats of each genre, most watched first; crowded ones are looked for among the popular keaks in one pass.
    beats = np.empty(len(order) * per_genre, dtype=np.int64)
    share_of = np.empty(len(order) * per_genre, dtype=np.float64)
    count = 0
    for o in order:
        contents = of_genre.to[of_genre.start[kept[o]] : of_genre.end[kept[o]]]
        for beat in _most_watched(contents, audience, ranks, per_genre):
            beats[count], share_of[count] = beat, weights[o] / total
            count += 1
    crowded = False
    for b in range(count):
        if used_by.end[beats[b]] - used_by.start[beats[b]] > crowd:
            crowded = True
            if head[beats[b]] < 0:
                head[beats[b]] = 1 + b
    carried = np.empty((count if crowded else 0, per_beat), dtype=np.int64)
    filled = np.zeros(count, dtype=np.int64)
    if crowded:
        for content in popular:
            if audience[content] <= 0 or seen[content]:
                continue
            for place in range(uses.start[content], uses.end[content]):
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
            keaks = used_by.to[used_by.start[content] : used_by.end[content]]
            keys = np.empty(len(keaks), dtype=np.float64)
            ids = np.empty(len(keaks), dtype=np.float64)
            open_ = np.empty(len(keaks), dtype=np.int64)
            able = 0
            for keak in keaks:
                if kinds[keak] == KEAK and not seen[keak]:
                    keys[able], ids[able], open_[able] = audience[keak], ranks[keak], keak
                    able += 1
            for place in best(keys, ids, able, per_beat):
                found[size], shares[size] = open_[place], share_of[b]
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
    return chosen(distinct, many, score, seen, kinds, kind, ranks, limit)
