"""Selector: the few to show, the best first but not all by the same maker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from recommend.filters import Facts
from recommend.scorer import Scored

__all__ = ["select"]


def select(scored: Sequence[Scored], facts: Mapping[str, Facts], n: int) -> list[Scored]:
    """The ``n`` best, at most one in five (and two in a short list) by the same maker as long as others are left."""
    most = max(2, n // 5)
    chosen: list[Scored] = []
    spare: list[Scored] = []
    made = Counter[str]()
    for candidate in scored:
        makers = facts[candidate.content_id].made_by
        if any(made[maker] >= most for maker in makers):
            spare.append(candidate)
        elif len(chosen) < n:
            chosen.append(candidate)
            made.update(makers)
    return sorted([*chosen, *spare[: n - len(chosen)]], key=lambda candidate: -candidate.score)
