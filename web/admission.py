"""Admission: how long a request waited for a thread, what time that leaves for its answer, and when it is refused.

gunicorn takes on every connection and queues what its threads have no time for, so that past capacity each answer comes
later than the one before. A request that waited for half of its time is refused instead, in a millisecond.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import flask
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from graph.settings import Settings
from recommend import time_shares
from recommend.request import Deadline
from web.problems import Problem

__all__ = ["Worker", "deadline", "init_app"]

_waited = threading.local()


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads; measures how long each request waits for one of them."""

    def enqueue_req(self, conn: Any) -> None:
        """See gunicorn."""
        conn.queued = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """See gunicorn; the whole request runs in this thread."""
        _waited.ms = 1_000 * (time.monotonic() - conn.queued)
        return super().handle(conn)


def init_app(app: flask.Flask, settings: Settings) -> None:
    """Give each request its deadline, and refuse those under /v1 that waited too long already."""

    def admit() -> None:
        waited = getattr(_waited, "ms", 0.0)
        _waited.ms = 0.0
        flask.g.deadline = Deadline(settings.service.deadline_ms, spent_ms=waited)
        if flask.request.path.startswith("/v1/") and waited > time_shares.REFUSED * settings.service.deadline_ms:
            raise Problem("overloaded", "More is asked than the service can answer in time. Ask again a little later.")

    app.before_request(admit)


def deadline() -> Deadline:
    """The time by which the request that is being answered must have its answer."""
    found: Deadline = flask.g.deadline
    return found
