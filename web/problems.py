"""Every error answer of the service: RFC 9457 problem documents with stable types.

The ``type`` is what a client may depend on; titles and details are for people and may change. What went wrong
inside (addresses, traces) goes to the log under the request id, never into the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import flask
import structlog
from pydantic import BaseModel, Field, ValidationError, create_model
from werkzeug.exceptions import HTTPException

from graph.errors import (
    EntourageError,
    GraphAuthError,
    GraphTimeout,
    GraphUnavailable,
    ModelError,
    NotFound,
    Overloaded,
    SnapshotError,
    UnknownArtist,
    UnknownContent,
    UnknownUser,
)
from web import addresses, logs

__all__ = ["KINDS", "SCHEMA", "FieldError", "Kind", "Problem", "ProblemDocument", "documented", "init_app", "invalid"]

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5


@dataclass(frozen=True)
class Kind:
    """One kind of problem: its name (the last part of ``type``), its status and its title."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The stable identifier that a client may compare with."""
        return f"urn:entourage:problem:{self.name}"


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("unknown-user", 404, "Nobody has this user id"),
        Kind("unknown-content", 404, "No content has this id"),
        Kind("unknown-artist", 404, "No artist has this id or name"),
        Kind("unknown-event", 404, "No event has this id"),
        Kind("unknown-change", 404, "No change is known"),
        Kind("not-found", 404, "There is nothing here"),
        Kind("method-not-allowed", 405, "This address does not take this method"),
        Kind("bad-request", 400, "The request cannot be read"),
        Kind("too-large", 413, "The body is too large"),
        Kind("unsupported-media-type", 415, "The body must be JSON"),
        Kind("invalid-parameter", 422, "A parameter cannot be used"),
        Kind("too-many-requests", 429, "Too many requests"),
        Kind("overloaded", 429, "The service has more to do than it can do in time"),
        Kind("internal", 500, "The service made a mistake"),
        Kind("unavailable", 503, "The graph cannot answer now"),
        Kind("deadline", 504, "The deadline passed before the answer was ready"),
    )
}

_BY_STATUS: Final = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}

#: The first match wins, so a class stands before its bases.
_BY_ERROR: Final[tuple[tuple[type[EntourageError], str, str], ...]] = (
    (UnknownUser, "unknown-user", ""),
    (UnknownContent, "unknown-content", ""),
    (UnknownArtist, "unknown-artist", ""),
    (NotFound, "not-found", ""),
    (Overloaded, "overloaded", "More is asked than the service can answer in time. Ask again a little later."),
    (GraphTimeout, "deadline", "The answer was not ready in time."),
    (GraphUnavailable, "unavailable", "The graph database does not answer."),
    (GraphAuthError, "unavailable", "The graph database does not answer."),
    (SnapshotError, "unavailable", "The service has no data to answer from."),
    (ModelError, "unavailable", "The service has no model to answer with."),
)


class FieldError(BaseModel):
    """One parameter that cannot be used."""

    field: str
    location: str = Field(description="`query`, `path` or `body`.")
    message: str


class ProblemDocument(BaseModel):
    """The body of every error answer (RFC 9457)."""

    type: str = Field(description="Stable: compare with this.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Quote it when you report the problem.")
    errors: list[FieldError] = Field(default=[], description="With `invalid-parameter`: what is wrong with which.")


SCHEMA: Final = create_model("Problem", __base__=ProblemDocument, __doc__=ProblemDocument.__doc__)
"""The same under the name that it has in the OpenAPI document, where an exception is of no interest."""


class Problem(Exception):
    """Raised by a view to answer with a problem document."""

    def __init__(self, name: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.kind = KINDS[name]
        self.detail = detail
        self.errors = errors


def invalid(field: str, message: str, location: str = "query") -> Problem:
    """The problem of one parameter that cannot be used."""
    return Problem(
        "invalid-parameter", f"{field}: {message}", [FieldError(field=field, location=location, message=message)]
    )


def documented(*statuses: int) -> dict[Any, Any]:
    """The ``responses`` of an operation that may end in problems of these statuses."""
    schema = {"$ref": f"#/components/schemas/{SCHEMA.__name__}"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def init_app(app: flask.Flask) -> None:
    """Answer every error of ``app`` with a problem document."""
    app.register_error_handler(Problem, _on_problem)
    app.register_error_handler(EntourageError, _on_our_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_bug)


def on_validation_error(error: ValidationError) -> flask.Response:
    """Answer a parameter that does not fit its model; flask-openapi3 calls this."""
    errors = []
    for found in error.errors():
        field = ".".join(str(part) for part in found["loc"])
        message = (
            found["msg"].removeprefix("Value error, ") if field else "must be a JSON object, sent as application/json"
        )
        errors.append(FieldError(field=field or "body", location=_location(field), message=message))
    return _on_problem(Problem("invalid-parameter", f"{errors[0].field}: {errors[0].message}", errors))


def _location(field: str) -> str:
    first = field.split(".", 1)[0]
    if first in (flask.request.view_args or {}):
        return "path"
    return "query" if flask.request.method in ("GET", "HEAD") or first in flask.request.args else "body"


def _on_problem(problem: Problem) -> flask.Response:
    document = ProblemDocument(
        type=problem.kind.type,
        title=problem.kind.title,
        status=problem.kind.status,
        detail=problem.detail,
        instance=addresses.address(),
        request_id=logs.request_id(),
        errors=list(problem.errors),
    )
    body = document.model_dump_json(exclude=None if problem.errors else {"errors"})
    response = flask.Response(body, problem.kind.status, content_type=MEDIA_TYPE)
    if problem.kind.status in (503, 504):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if problem.kind.name == "overloaded":
        response.headers["Retry-After"] = "1"
    return response


def _on_our_error(error: EntourageError) -> flask.Response:
    for class_, name, detail in _BY_ERROR:
        if isinstance(error, class_):
            if KINDS[name].status >= 500:
                structlog.contextvars.bind_contextvars(error=str(error))
            told = str(error) if name == "not-found" else error.what
            return _on_problem(Problem(name, detail or told))
    return _on_bug(error)


def _on_http_error(error: HTTPException) -> flask.Response:
    if error.response is not None and isinstance(error.response, flask.Response):
        return error.response  # flask-openapi3 aborts with the answer of on_validation_error
    status = error.code or 500
    if status < 400:  # a redirect is no problem
        return flask.make_response(error.get_response())
    name = _BY_STATUS.get(status, "bad-request" if status < 500 else "internal")
    allowed = sorted(getattr(error, "valid_methods", None) or ())
    detail = (error.description if status < 500 else None) or f"{KINDS[name].title}."
    if status == 404:
        detail = "No page and no call has this address; /docs lists them."
    elif status == 405 and allowed:
        detail = f"It takes {', '.join(one for one in allowed if one not in ('HEAD', 'OPTIONS'))}."
    elif status == 429:
        detail = f"More than {error.description}."
    response = _on_problem(Problem(name, detail))
    response.status_code = status
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _on_bug(error: Exception) -> flask.Response:
    logs.log.error("bug", exc_info=error)
    return _on_problem(Problem("internal", "The service made a mistake. Report it with the request id."))
