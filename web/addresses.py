"""Ids in paths: any id may stand there, percent-encoded as a whole (``encodeURIComponent``).

A server hands the application a decoded path, in which ``/v1/users/a%2Fpeople`` (the user "a/people") and
``/v1/users/a/people`` (the people of "a") look alike. So the path is taken as it was sent, and an encoded slash is kept
apart from a plain one until the address is matched. Plain slashes may stand in an id too, where no call's name follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

import flask
from werkzeug.routing import BaseConverter

__all__ = ["address", "init_app"]

_SLASH: Final = "\x1f"
"""Stands for an encoded slash; no id holds a control character."""
_FORGED: Final = "\x1e"


class IdConverter(BaseConverter):
    """``<id:…>``: one or more characters of any kind, slashes and newlines included."""

    regex = r"[\s\S]+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_url(self, value: Any) -> str:
        return quote(str(value), safe="")


class WholeIdConverter(IdConverter):
    """``<whole:…>``: an id that is encoded as a whole, for calls that write: ``a/people`` may be a call.

    Only the slash of its prefix may be plain.
    """

    regex = r"(?:(?:keaks|beats|tracks|users)/)?[^/]+?"


def init_app(app: flask.Flask) -> None:
    """Let ``app`` take ids in its paths."""
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["whole"] = WholeIdConverter
    app.url_map.merge_slashes = False  # https://… is an id
    app.wsgi_app = _as_sent(app.wsgi_app)  # type: ignore[method-assign]


def address() -> str:
    """The path of this request as it was sent, percent-encoded."""
    return quote(flask.request.path.replace(_SLASH, "%2F"), safe="/%:@!$&'()*+,;=~")


def _as_sent(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sent = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "")
        if not environ.get("SCRIPT_NAME") and "%2f" in sent.lower():
            path = sent.partition("?")[0] if sent.startswith("/") else urlsplit(sent).path
            parts = [unquote_to_bytes(part).decode("latin-1") for part in path.split("/")]
            marked = [part.replace(_SLASH, _FORGED).replace("/", _SLASH) for part in parts]
            environ = {**environ, "PATH_INFO": "/".join(marked)}
        elif _SLASH in environ.get("PATH_INFO", ""):
            environ = {**environ, "PATH_INFO": environ["PATH_INFO"].replace(_SLASH, _FORGED)}
        return application(environ, start_response)

    return wrapped
