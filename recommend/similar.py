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
    """As many of the kind asked for as a source may propose, where there are so many: id → score, best first."""
    contents, kinds, most = model.snapshot.contents, model.snapshot.kinds, request.pool
    while True:
        numbers, scores = model.similar_items(content, min(most, contents.count))
        kept = (numbers >= 0) & (scores != 0.0)
        if request.kind is not None:
            kept &= kinds[np.maximum(numbers, 0)] == request.kind
        if request.kind is None or kept.sum() >= request.pool or most >= contents.count:
            near = zip(numbers[kept].tolist(), scores[kept].tolist(), strict=True)
            return {str(contents.ids[number]): float(score) for number, score in near}
        most *= 8
