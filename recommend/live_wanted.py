"""What a feed is narrowed to, of a `View`: as of its snapshot, and as of what changed since."""

from __future__ import annotations

import numpy as np

from graph import schema
from graph.live import View
from graph.snapshot import NO_TIME
from recommend.wanted import Wanted
from recommenders.core.top_k import Mask

__all__ = ["mask"]


def mask(view: View, wanted: Wanted) -> Mask | None:
    """Whether each content is wanted, shape (at least as many as contents,); None where all are."""
    if not wanted:
        return None
    base = wanted.mask(view.snapshot)
    whole = np.zeros(len(view.contents.rank), dtype=bool)
    whole[: len(base)] = base
    for content in view.since.touched:
        whole[content] = _fits(view, wanted, content)
    return whole


def _fits(view: View, wanted: Wanted, content: int) -> bool:
    carriers = [content, *view.uses.of(content).tolist()]
    if wanted.genres:
        genres = [genre for carrier in carriers for genre in view.genres.of(carrier).tolist()]
        called = {text.lower() for genre in genres for text in (view.genre_ids.name(genre), view.genre_names[genre])}
        if called.isdisjoint(wanted.genres):
            return False
    if wanted.moods and all(_moods(view, carrier).isdisjoint(wanted.moods) for carrier in carriers):
        return False
    if wanted.hashtags:
        tags = view.hashtags.names(view.tags.of(content).tolist())
        if wanted.hashtags.isdisjoint(tag.lower() for tag in tags):
            return False
    if wanted.makers:
        makers = [maker for maker in view.makers.of(content).tolist() if not view.private[maker]]
        if wanted.makers.isdisjoint(view.users.names(makers)):
            return False
    at = int(view.created[content])
    return wanted.since is None or (at != NO_TIME and at >= wanted.since)


def _moods(view: View, content: int) -> frozenset[str]:
    """Ids and names, in small letters."""
    known = view.since.moods.get(content)
    if known is not None:
        return known
    if content >= view.snapshot.contents.count:
        return frozenset()
    moods = view.snapshot.nodes[schema.MOOD]
    rows = moods.frame[view.snapshot.edges[schema.HAS_MOOD].outgoing.of(content)]
    return frozenset(str(row[key]).lower() for row in rows.iter_rows(named=True) for key in row if row[key])
