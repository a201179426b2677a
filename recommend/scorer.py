"""Scorer: one score for each candidate, from where every source ranks it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from graph.settings import Composition, FeedSource
from recommend.request import USUAL
from recommend.sources import Candidate, Source

__all__ = ["FLATNESS", "Scored", "asked", "score", "weight"]

FLATNESS: Final = 20
"""Rank at which an item gets half the score of the first one. With larger values agreement between sources counts
more. By hand."""


@dataclass(frozen=True)
class Scored:
    """A candidate with the proposals of all its sources."""

    content_id: str
    score: float
    """0..1; 1 is the best of this request."""
    said: tuple[tuple[Source, Candidate], ...]
    """The sources that proposed it, highest contribution first."""
    parts: tuple[float, ...] = ()
    """The contribution of each of them to the score."""
    propensity: float | None = None
    """The probability with which it was put where it stands, where places are drawn at random."""


def weight(source: Source, composition: Composition) -> float:
    """The weight of a source: that of the settings, or its own."""
    return composition.weights.get(cast("FeedSource", source.name), source.weight)


def asked(every: Iterable[Source], composition: Composition) -> list[Source]:
    """The sources that weigh something."""
    return [source for source in every if weight(source, composition) > 0.0]


def score(proposals: Sequence[tuple[Source, Sequence[Candidate]]], composition: Composition = USUAL) -> list[Scored]:
    """Weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), best first, ties by id.

    The scores of sources are not comparable (a cosine, a number of people), so only ranks are used. For known users the
    model dominates by its weight; otherwise the other sources are fused.
    """
    voices: dict[str, list[tuple[float, Source, Candidate]]] = {}
    for source, candidates in proposals:
        for place, candidate in enumerate(candidates):
            rank = place if candidate.rank is None else candidate.rank
            strength = weight(source, composition) * FLATNESS / (FLATNESS + rank)
            voices.setdefault(candidate.content_id, []).append((strength, source, candidate))
    totals = {content_id: sum(strength for strength, _, _ in said) for content_id, said in voices.items()}
    best = max(totals.values(), default=1.0)
    for said in voices.values():
        said.sort(key=lambda voice: -voice[0])
    return [
        Scored(
            content_id,
            totals[content_id] / best,
            tuple((source, candidate) for _, source, candidate in voices[content_id]),
            tuple(strength / best for strength, _, _ in voices[content_id]),
        )
        for content_id in sorted(totals, key=lambda content_id: (-totals[content_id], content_id))
    ]
