"""Selector: the few to show, the best first but not all by the same maker."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from graph.settings import Composition
from recommend import exploration
from recommend.diversity import Spread
from recommend.feed import Recommendation
from recommend.filters import Facts
from recommend.reasons import MOST, replay
from recommend.request import USUAL
from recommend.scorer import Scored
from recommend.sentences import Reason

__all__ = ["items", "places", "select"]


def select(
    scored: Sequence[Scored],
    facts: Mapping[str, Facts],
    n: int,
    composition: Composition = USUAL,
    draw: str = "",
    spread: Spread | None = None,
) -> list[Scored]:
    """The ``n`` best by `places`, best first; some of them drawn at random where the composition explores."""
    made_by = partial(_made_by, scored, facts)
    taken = places([one.score for one in scored], made_by, n, composition, spread)
    drawn = exploration.drawn(taken, len(scored), composition.exploration, draw)
    return [replace(scored[place], propensity=propensity) for place, propensity in drawn]


def places(
    scores: Sequence[float],
    makers: Callable[[int], Sequence[str]],
    n: int,
    composition: Composition = USUAL,
    spread: Spread | None = None,
) -> list[int]:
    """The places of the ``n`` best of candidates with these ``scores``, highest first; ties by place.

    Each time the best is taken by what its score is worth now: a further content of the same maker is worth less
    (`Composition.maker_decay`). Makers with their share of the feed (`Composition.most_of_maker`) are passed over as
    long as others are left, and so are those that a ``spread`` calls full. ``makers`` is asked of those alone that
    come up.
    """
    most = max(2, int(n * composition.most_of_maker + 1e-9))
    heap = [(-score, place) for place, score in enumerate(scores)]
    heapq.heapify(heap)
    chosen: list[tuple[float, int]] = []
    spare: list[tuple[float, int]] = []
    made = Counter[str]()
    while heap and len(chosen) < n:
        worth, place = heapq.heappop(heap)
        theirs = makers(place)
        count = max((made[maker] for maker in theirs), default=0)
        now = -scores[place] * max(composition.maker_floor, composition.maker_decay**count)
        if spread:
            now = -spread.worth(place, -now)
        if now > worth:  # worth less than when it was put there: perhaps another one is better
            heapq.heappush(heap, (now, place))
        elif count >= most or (spread and spread.full(place)):
            spare.append((now, place))
        else:
            chosen.append((now, place))
            made.update(theirs)
            if spread:
                spread.take(place)
    taken = [place for _, place in sorted(chosen + spare[: n - len(chosen)])]
    return taken if spread is None else spread.with_new_makers(taken, scores)


def _made_by(scored: Sequence[Scored], facts: Mapping[str, Facts], place: int) -> tuple[str, ...]:
    return facts[scored[place].content_id].made_by


def items(
    chosen: Iterable[Scored], facts: Mapping[str, Facts], why: Mapping[str, tuple[Reason, ...]], now: int
) -> tuple[Recommendation, ...]:
    """The chosen contents as items of the answer, with their facts and reasons."""
    return tuple(
        Recommendation(
            content_id=scored.content_id,
            kind=facts[scored.content_id].kind,
            score=round(scored.score, 6),
            sources=tuple(source.name for source, _ in scored.said),
            reasons=_reasons(scored, why, now),
            link=facts[scored.content_id].link,
            made_by=facts[scored.content_id].made_by,
            propensity=scored.propensity,
        )
        for scored in chosen
    )


def _reasons(scored: Scored, why: Mapping[str, tuple[Reason, ...]], now: int) -> tuple[Reason, ...]:
    """The facts about a content; of a replay first that it is one."""
    told = why.get(scored.content_id, ())
    at = next((one.at for _, one in scored.said if one.at is not None), None)
    return told if at is None or not told else (replay(at, now), *told[: MOST - 1])
