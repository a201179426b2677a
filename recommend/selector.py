"""Selector: the few to show, the best first but not all by the same maker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from recommend.feed import Recommendation
from recommend.filters import Facts
from recommend.scorer import Scored
from recommend.sentences import Reason

__all__ = ["items", "places", "select"]


def select(scored: Sequence[Scored], facts: Mapping[str, Facts], n: int) -> list[Scored]:
    """The ``n`` best, at most one in five (and two in a short list) by the same maker as long as others are left."""
    chosen = places((facts[candidate.content_id].made_by for candidate in scored), n)
    return sorted((scored[place] for place in chosen), key=lambda candidate: -candidate.score)


def places(made_by: Iterable[Sequence[str]], n: int) -> list[int]:
    """The places of what `select` takes of candidates with these makers, best first; those passed over come last."""
    most = max(2, n // 5)
    chosen: list[int] = []
    spare: list[int] = []
    made = Counter[str]()
    for place, makers in enumerate(made_by):
        if len(chosen) == n:
            break
        if any(made[maker] >= most for maker in makers):
            spare.append(place)
        else:
            chosen.append(place)
            made.update(makers)
    return [*chosen, *spare[: n - len(chosen)]]


def items(
    chosen: Iterable[Scored], facts: Mapping[str, Facts], why: Mapping[str, tuple[Reason, ...]]
) -> tuple[Recommendation, ...]:
    """What is chosen as the answer has it, with its facts and reasons."""
    return tuple(
        Recommendation(
            content_id=scored.content_id,
            kind=facts[scored.content_id].kind,
            score=round(scored.score, 6),
            sources=tuple(source.name for source, _ in scored.said),
            reasons=why.get(scored.content_id, ()),
            link=facts[scored.content_id].link,
            made_by=facts[scored.content_id].made_by,
        )
        for scored in chosen
    )
