"""The record of one request: its stages, their times and outcomes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from recommend import filters
from recommend.account import Account
from recommend.feed import Outcome
from recommend.filters import Facts
from recommend.request import Request
from recommend.sources import Candidate, Source

__all__ = ["Journey", "Proposal", "able", "named"]

Proposal = tuple[Source, Sequence[Candidate]]
T = TypeVar("T")

_log: Final = logging.getLogger("entourage.recommend")


@dataclass
class Journey:
    """The record of one request, for the feed's own account of it."""

    graph_down: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    processor_ms: dict[str, float] = field(default_factory=dict)
    """Processor time of this thread alone: the work of other threads for a stage is not in it."""
    account: Account | None = None
    """An account of the candidates; only if the request asks for it."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            spent, work = (time.perf_counter() - started) * 1000, (time.thread_time() - worked) * 1000
            self.timings_ms[name] = round(self.timings_ms.get(name, 0.0) + spent, 2)
            self.processor_ms[name] = round(self.processor_ms.get(name, 0.0) + work, 2)

    def attempt(self, name: str, ask: Callable[[], T]) -> T | None:
        """The answer of ``ask``, or None where it raises: one part that fails must not cost the whole answer."""
        try:
            answer = ask()
        except Exception as error:
            _log.error("%s failed", name, exc_info=error)
            self.outcomes[name], self.errors[name] = "failed", error
            return None
        self.outcomes[name] = "answered"
        return answer

    def those(self, outcome: Outcome) -> tuple[str, ...]:
        """The sources and stages that had this outcome."""
        return tuple(name for name, what in self.outcomes.items() if what == outcome)


def able(request: Request, proposals: Sequence[Proposal], facts: dict[str, Facts]) -> list[Proposal]:
    """The proposals without the candidates that a filter holds back, or of which no facts are known."""
    names = {content_id for content_id, known in facts.items() if filters.allowed(request, known)}
    return [
        (source, [candidate for candidate in candidates if candidate.content_id in names])
        for source, candidates in proposals
    ]


def named(proposals: Sequence[Proposal]) -> set[str]:
    """The ids of all that is proposed."""
    return {candidate.content_id for _, candidates in proposals for candidate in candidates}
