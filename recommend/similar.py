"""What resembles a content: the nearest by a model, without what the asking person must not be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommend import lookups
from recommend.reader import Reader
from recommend.request import Request
from recommenders.core.recommender import Recommender

__all__ = ["Similar", "similar"]


@dataclass(frozen=True)
class Similar:
    """One content that resembles another."""

    content_id: str
    kind: str
    score: float
    """The model's own measure, comparable within one answer only."""
    made_by: tuple[str, ...]
    """Bare ids of its makers, those marked private left out."""


def similar(reader: Reader, model: Recommender, content_id: str, request: Request) -> tuple[str, list[Similar]]:
    """The id of a content as the graph spells it, and what resembles it, best first.

    ``request`` says how many, of which kind and who asks: what is hidden from them is left out, what they have seen is
    not. Nothing for a content that the model did not learn, nor contents that are gone since, or that ``request``
    excludes. Raises UnknownContent and the errors of the reader.
    """
    own = lookups.known_content(reader, content_id, request.exclude)["contentId"]
    contents = model.snapshot.contents
    if own not in contents:
        return own, []
    near = _nearest(model, int(contents.nids([own])[0]), request)
    facts = reader.facts(request, list(near), request.deadline.left_ms())
    shown = [
        Similar(one, facts[one].kind, round(score, 6), facts[one].made_by)
        for one, score in near.items()
        if one in facts and one not in request.exclude and request.kind in (None, facts[one].kind)
        if not (facts[one].hidden or facts[one].blocked or facts[one].taken_down)
    ]
    return own, shown[: request.n]


def _nearest(model: Recommender, content: int, request: Request) -> dict[str, float]:
    """As many of the kind asked for as a source may propose: id → score, best first.

    Where the nearest hold too few of that kind, all contents are looked at, unless no time is left.
    """
    contents = model.snapshot.contents
    most = min(request.pool, contents.count)
    found = _of_kind(model, content, most, request)
    if request.kind and len(found) < request.pool and most < contents.count and request.deadline.left_ms():
        found = _of_kind(model, content, contents.count, request)
    return found


def _of_kind(model: Recommender, content: int, most: int, request: Request) -> dict[str, float]:
    numbers, scores = model.similar_items(content, most)
    kept = numbers >= 0
    if request.kind is not None:
        kept &= model.snapshot.kinds[np.maximum(numbers, 0)] == request.kind
    near = zip(numbers[kept][: request.pool].tolist(), scores[kept].tolist(), strict=False)
    return {str(model.snapshot.contents.ids[number]): float(score) for number, score in near}
