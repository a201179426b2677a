"""Scorer: one score for each candidate, from where every source ranks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recommend.sources import Candidate, Source

__all__ = ["Scored", "score"]

_FLATNESS: Final = 20
"""The rank at which a place is worth half the first one. Larger values let agreement between sources count for more."""


@dataclass(frozen=True)
class Scored:
    """A candidate with all that its sources said about it."""

    content_id: str
    score: float
    """0..1; 1 is the best of this request."""
    said: tuple[tuple[Source, Candidate], ...]
    """Who proposed it, the strongest voice first."""


def score(proposals: Sequence[tuple[Source, Sequence[Candidate]]]) -> list[Scored]:
    """Weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), best first, ties by id.

    Sources score on scales of their own (a model's cosine, a count of people), so only their order counts; the model's
    weight lets its order stand wherever it knows the user, and leaves the blend of the others where it does not.
    """
    voices: dict[str, list[tuple[float, Source, Candidate]]] = {}
    for source, candidates in proposals:
        for place, candidate in enumerate(candidates):
            rank = place if candidate.rank is None else candidate.rank
            strength = source.weight * _FLATNESS / (_FLATNESS + rank)
            voices.setdefault(candidate.content_id, []).append((strength, source, candidate))
    totals = {content_id: sum(strength for strength, _, _ in said) for content_id, said in voices.items()}
    best = max(totals.values(), default=1.0)
    return [
        Scored(
            content_id,
            totals[content_id] / best,
            tuple((source, candidate) for _, source, candidate in sorted(voices[content_id], key=lambda v: -v[0])),
        )
        for content_id in sorted(totals, key=lambda content_id: (-totals[content_id], content_id))
    ]
