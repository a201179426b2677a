"""One JSON line a request, and the request id that ties the answer, the log and the query in Neo4j together."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from typing import Any, Final

import flask
import structlog

__all__ = ["configure", "init_app", "log", "request_id"]

HEADER: Final = "X-Request-Id"
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]

log: Final[Any] = structlog.wrap_logger(
    logging.getLogger("entourage.web"),
    processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    wrapper_class=structlog.stdlib.BoundLogger,
)


def configure(level: str = "INFO") -> None:
    """Write every log line of this process, gunicorn's included, to standard error: JSON, or coloured at a terminal."""
    at_terminal = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer() if at_terminal else structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    for name in ("entourage", "gunicorn.error"):
        named = logging.getLogger(name)
        named.handlers[:] = []
        named.propagate = True
        named.setLevel(level)


def request_id() -> str:
    """The id of the request being answered: the client's own where it sent a plain one, else a new one."""
    return str(flask.g.request_id)


def init_app(app: flask.Flask) -> None:
    """Give each request an id and write one line when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    sent = flask.request.headers.get(HEADER, "")
    flask.g.request_id = sent if _ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
    flask.g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=flask.g.request_id)


def _end(response: flask.Response) -> flask.Response:
    response.headers[HEADER] = request_id()
    rule = flask.request.url_rule
    write = log.error if response.status_code >= 500 else log.info
    write(
        "request",
        method=flask.request.method,
        route=rule.rule if rule else None,
        path=flask.request.path,
        status=response.status_code,
        ms=round((time.perf_counter() - flask.g.began) * 1_000, 2),
    )
    return response
