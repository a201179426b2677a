"""One question as it came in, and how much time is left to answer it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from graph import schema

__all__ = ["Deadline", "Request"]

_LABELS: Final = {None: schema.CONTENT, "keak": schema.KEAK, "beat": schema.BEAT}


class Deadline:
    """A moment that the answer must not pass, ``milliseconds`` from now."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds
        self._started = time.perf_counter()

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def left_ms(self, share: float = 1.0) -> int:
        """What is left until ``share`` of the whole has passed; 0 when it has."""
        return max(0, int(self.milliseconds * share - self.elapsed_ms()))


@dataclass(frozen=True)
class Request:
    """What ``FeedService.recommend`` was asked."""

    id: str
    user_id: str
    n: int
    kind: str | None
    exclude: frozenset[str]
    explain: bool
    deadline: Deadline = field(compare=False)

    @property
    def label(self) -> str:
        """The label in the graph of the kind asked for."""
        return _LABELS[self.kind]

    @property
    def pool(self) -> int:
        """How many candidates a source may propose: enough to lose most to the filters."""
        return max(60, 3 * self.n + len(self.exclude))
