"""`Drains`: what requests accepted goes into the graph by one thread, however many come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from graph.errors import GraphError
from web import logs

__all__ = ["Drains"]

Drain = Callable[[Sequence[int], datetime, str], None]
"""Writes the events with these numbers, which ascend; as of when, for the request with this id."""


class Drains:
    """One drain of this worker runs at a time, and one waits for it; who comes meanwhile joins the one that waits."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._pool = ThreadPoolExecutor(1, "drain")
        self._lock = threading.Lock()
        self._waits: tuple[list[int], Future[None]] | None = None

    def ask(self, seqs: Sequence[int], now: datetime, request_id: str) -> Future[None]:
        """Have the events with these numbers written; what the graph refuses is logged and waits."""
        with self._lock:
            if self._waits:
                joined, drained = self._waits
                joined += seqs
                return drained
            own = [*seqs]
            drained = self._pool.submit(self._run, own, now, request_id)
            self._waits = own, drained
            return drained

    def close(self) -> None:
        """Stop: the drain that runs ends, the one that waits does not begin."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, own: list[int], now: datetime, request_id: str) -> None:
        with self._lock:
            self._waits = None  # from here on nobody joins
        try:
            self._drain(sorted(own), now, request_id)
        except GraphError as error:
            logs.log.warning("events wait", events=len(own), error=str(error))
        except Exception as error:  # whoever asked may have gone
            logs.log.error("events wait", events=len(own), exc_info=error)
            raise
