"""What ``debug`` tells of a feed: what each source proposed, what the filters removed, what scores are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recommend.filters import FILTERS, Facts
from recommend.request import Request
from recommend.scorer import Scored

__all__ = ["Account"]


@dataclass
class Account:
    """Counts of one request, by source and by filter."""

    proposed: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    """Proposals by the filter that first held them back; ``unknown`` where nothing is known of a content."""

    def filtered(self, source: str, content_ids: Sequence[str], request: Request, facts: Mapping[str, Facts]) -> None:
        """Count what a source proposed, and what became of it."""
        self.proposed[source] += len(content_ids)
        for content_id in content_ids:
            if held := _held_by(request, facts.get(content_id)):
                self.removed[held] += 1
            else:
                self.kept[source] += 1

    def of(self, chosen: Sequence[Scored]) -> dict[str, Any]:
        """The account as the answer has it; the parts of an item add up to its score."""
        return {
            "sources": {name: {"proposed": count, "kept": self.kept[name]} for name, count in self.proposed.items()},
            "removed": dict(self.removed),
            "items": {
                scored.content_id: [
                    {"source": source.name, "score": candidate.score, "part": round(part, 6)}
                    for (source, candidate), part in zip(scored.said, scored.parts, strict=True)
                ]
                for scored in chosen
            },
        }


def _held_by(request: Request, facts: Facts | None) -> str | None:
    """The name of the first filter that holds a content back."""
    if facts is None:
        return "unknown"
    return next((name for name, lets in FILTERS.items() if not lets(request, facts)), None)
