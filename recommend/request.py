"""A request, and the time that is left to answer it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from graph import schema
from graph.errors import GraphTimeout
from graph.settings import Composition
from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY
from recommend.wanted import EVERYTHING, Wanted
from recommenders.core.top_k import Mask

__all__ = ["DIGEST_BYTES", "USUAL", "Deadline", "Request", "Seen", "SeenOnce", "digest"]

_LABELS: Final = {None: schema.CONTENT, "keak": schema.KEAK, "beat": schema.BEAT, "track": schema.TRACK}


DIGEST_BYTES: Final = 4
USUAL: Final = Composition()
"""The composition of a feed where no setting says otherwise."""
_NARROWED: Final = 5
"""Times as many candidates are asked for where only some contents are wanted."""


def digest(content_id: str) -> bytes:
    """A short hash of a content id, for telling what was shown: of 1,000 shown, one in 4 million others looks alike."""
    return hashlib.blake2b(content_id.encode(), digest_size=DIGEST_BYTES).digest()


class Deadline:
    """The time by which the answer must be ready: ``milliseconds`` from now, of which ``spent_ms`` are spent."""

    def __init__(self, milliseconds: int, *, spent_ms: float = 0.0) -> None:
        self.milliseconds = milliseconds
        self._started = time.perf_counter() - spent_ms / 1_000

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def left_ms(self, share: float = 1.0) -> int:
        """Milliseconds left until ``share`` of the whole has passed; 0 when it has."""
        return max(0, int(self.milliseconds * share - self.elapsed_ms()))


@dataclass(frozen=True)
class Seen:
    """What a person watched and made, and what they want less of: ids of contents."""

    watched: frozenset[str]
    made: frozenset[str]
    less: tuple[tuple[str, int], ...] = ()
    """Contents of which they want to see less, and since when, ms."""


class SeenOnce:
    """What the person of one request has seen: the first source that needs it asks, the others wait for the answer."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._seen: Seen | None = None
        self._error: Exception | None = None

    @property
    def known(self) -> Seen | None:
        """The answer, if it is there."""
        return self._seen

    def get(self, ask: Callable[[], Seen], deadline_ms: int, *, again: bool = False) -> Seen:
        """The answer of ``ask``, or its error; after an error it is asked again only where ``again`` says so.

        Raises GraphTimeout when the answer that another thread waits for does not come in time.
        """
        if not self._turn.acquire(timeout=max(0, deadline_ms) / 1_000):
            raise GraphTimeout("What the person has seen was not known before the deadline.")
        try:
            if self._seen is None and (self._error is None or again):
                try:
                    self._seen = ask()
                except Exception as error:
                    self._error = error
                    raise
            if self._seen is None:
                assert self._error is not None
                raise self._error
            return self._seen
        finally:
            self._turn.release()


@dataclass(frozen=True)
class Request:
    """The request for a feed (``FeedService.recommend``)."""

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
    blocked: frozenset[str] = frozenset()
    """Bare ids of people blocked on either side, as Neo4j and the outbox say: the graph in memory may not know."""
    unnamed: frozenset[str] = frozenset()
    """Ids of contents that reasons do not name: those whose take-down is not in the graph yet."""
    watched: frozenset[str] = frozenset()
    """Ids of contents that the person has seen, as Neo4j and the outbox say: the graph in memory may not know."""
    wanted: Wanted = EVERYTHING
    composition: Composition = USUAL
    """The weights of the sources, and how the feed is spread."""
    hurried: tuple[str, ...] = ()
    """The models, and reasons, that are left out because the request waited so long."""
    replays: bool = False
    """Whether contents that the person watched may come again."""
    draw: str = ""
    """`recommend.exploration.key`: what decides which places are drawn at random; empty for none."""
    session: tuple[str, ...] = ()
    """Ids of contents that somebody without an id has just watched, in order; ``user_id`` is empty then."""
    seen: SeenOnce = field(default_factory=SeenOnce, compare=False, repr=False)

    def wanted_in(self, snapshot: Snapshot, private: Mask | None = None) -> Mask | None:
        """Whether each content of the snapshot is wanted, shape (contents,); None where all are.

        ``private`` as in `Wanted.mask`.
        """
        return self.wanted.mask(snapshot, private) if self.wanted else None

    @property
    def replayed_before(self) -> int:
        """The latest time, ms, at which a content was last watched that may come again."""
        return int(self.now - self.composition.replay_days * DAY)

    @property
    def label(self) -> str:
        """The label in the graph of the kind asked for."""
        return _LABELS[self.kind]

    @property
    def pool(self) -> int:
        """How many candidates a source may propose: enough to lose most to the filters."""
        most = max(60, 3 * self.n + len(self.exclude) + len(self.shown))
        return _NARROWED * most if self.wanted else most
