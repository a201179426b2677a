"""A request, and the time that is left to answer it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Final

from graph import schema

__all__ = ["DIGEST_BYTES", "Deadline", "Request", "digest"]

_LABELS: Final = {None: schema.CONTENT, "keak": schema.KEAK, "beat": schema.BEAT, "track": schema.TRACK}


DIGEST_BYTES: Final = 4


def digest(content_id: str) -> bytes:
    """A short hash of a content id, for telling what was shown: of 1,000 shown, one in 4 million others looks alike."""
    return hashlib.blake2b(content_id.encode(), digest_size=DIGEST_BYTES).digest()


class Deadline:
    """The time by which the answer must be ready, ``milliseconds`` from now."""

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
    shown: frozenset[bytes] = frozenset()
    """`digest` of every content that earlier pages of the same feed showed."""
    now: int = field(default_factory=lambda: int(1000 * time.time()))
    """The time of the request, in ms since 1970."""

    @property
    def label(self) -> str:
        """The label in the graph of the kind asked for."""
        return _LABELS[self.kind]

    @property
    def pool(self) -> int:
        """How many candidates a source may propose: enough to lose most to the filters."""
        return max(60, 3 * self.n + len(self.exclude) + len(self.shown))
