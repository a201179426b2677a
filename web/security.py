"""What protects the service and its visitors: rate limit, body limit and security headers.

Only ``web.browser`` sends CORS headers.
"""

from __future__ import annotations

from typing import Final

import flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from graph.errors import SettingsError
from graph.settings import Settings

__all__ = ["init_app"]

_PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_DATA: Final = "default-src 'none'; frame-ancestors 'none'"
_MAX_BODY_BYTES: Final = 1_000_000


def init_app(app: flask.Flask, settings: Settings) -> None:
    """Limit clients by address on /v1 (counted by each worker for itself) and send the headers on every answer."""
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.config["MEDIA_HOSTS"] = settings.service.media_hosts
    app.after_request(_headers)  # the last to be registered is the first to run: after the limiter's own
    if settings.service.rate_limit:
        try:
            limiter = Limiter(
                get_remote_address,
                app=app,
                default_limits=[settings.service.rate_limit],
                storage_uri="memory://",
                headers_enabled=True,
            )
        except ValueError as error:
            raise SettingsError(
                f"The setting service.rate_limit cannot be used: {error}.", do='Write it as "600 per minute".'
            ) from error
        limiter.request_filter(lambda: not flask.request.path.startswith("/v1/"))


def _headers(response: flask.Response) -> flask.Response:
    page = response.mimetype in ("text/html", "image/svg+xml")
    hosts = flask.current_app.config["MEDIA_HOSTS"]
    policy = f"{_PAGE}; media-src {' '.join(hosts)}" if hosts else _PAGE
    response.headers["Content-Security-Policy"] = policy if page else _DATA
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if page:
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if response.status_code < 400:
        response.headers.pop("Retry-After", None)  # flask-limiter sends it on every answer
    if flask.request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if flask.request.path.startswith(("/v1/", "/health/")):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
