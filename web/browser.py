"""What Neo4j Browser loads from here: the guide in both of its forms, the style, and all queries as favourites.

Browser asks from another origin, so these addresses, and no others, answer its CORS requests. It loads only from hosts
that it allows. ``localhost`` is one; Neo4j Community has no setting to add others.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import flask
import numpy as np
import polars as pl

import cypher
from cypher import guide
from graph import schema
from graph.database.connection import connection
from graph.errors import GraphError
from graph.settings import Settings
from graph.snapshot import Snapshot
from web.serving import serving

__all__ = ["blueprint", "guide_address"]

blueprint: Final = flask.Blueprint("browser", __name__, url_prefix="/browser")

_HOSTED: Final = ("https://browser.neo4j.io", "http://browser.neo4j.io")
"""Addresses at which Neo4j serves the newer Browser."""
_PORT: Final = 7474
_ASKED: Final = "cache-control, pragma, sentry-trace, baggage"
"""Headers that Browser's preflight names."""


def guide_address(url: str) -> str:
    """The guide's address for a service at ``url``, by the name of this machine that Browser allows unasked."""
    parts = urlsplit(url)
    place = f"localhost:{parts.port}" if parts.hostname == "127.0.0.1" else parts.netloc
    return f"{parts.scheme}://{place}/browser/guide.html"


@blueprint.route("/<name>", methods=["GET", "OPTIONS"], provide_automatic_options=False)
def page(name: str) -> flask.Response:
    """One file for Neo4j Browser."""
    address = flask.request.host_url.rstrip("/")
    files: dict[str, tuple[str, Callable[[], str | bytes]]] = {
        "guide.html": ("text/html", lambda: guide.html(_examples(), address)),
        "guide.adoc": ("text/plain", lambda: guide.asciidoc(_examples(), address)),
        "entourage.grass": ("text/plain", lambda: _grass()),
        "favourites.zip": ("application/zip", _favourites),
    }
    if name not in files:
        flask.abort(404)
    kind, content = files[name]
    if flask.request.method == "OPTIONS":
        return _shared(flask.Response(status=204))
    return _shared(flask.Response(content(), mimetype=kind))


def _shared(response: flask.Response) -> flask.Response:
    """Let Neo4j Browser, and no other page, read it."""
    response.headers["Vary"] = "Origin"
    origin = flask.request.headers.get("Origin")
    if origin in _origins(serving().settings):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET"
        response.headers["Access-Control-Allow-Headers"] = _ASKED
    return response


def _origins(settings: Settings) -> set[str]:
    """Origins of the local server's Browser, of one beside ``NEO4J_URI``, and of Neo4j's own."""
    try:
        where = connection(settings)
    except GraphError:
        return set(_HOSTED)
    port = urlsplit(where.browser).port if where.browser else _PORT
    hosts = {urlsplit(where.uri).hostname, "localhost", "127.0.0.1"}
    return {f"http://{host}:{port}" for host in hosts} | set(_HOSTED)


def _grass() -> str:
    snapshot = serving().feeds.snapshot
    if snapshot is None:
        return guide.style(people=False, contents=False)
    names, titles = snapshot.users.column(schema.NAME), snapshot.contents.column(schema.TITLE)
    return guide.style(people=_most(names), contents=_most(titles))


def _most(column: pl.Series | None) -> bool:
    """Whether most nodes of the label have the property."""
    return column is not None and column.null_count() * 2 < len(column)


def _examples() -> dict[str, str]:
    """Values for the guide's parameters, in Cypher: who and what exists; fewer where nothing is known."""
    snapshot = serving().feeds.snapshot
    known = serving().examples
    if snapshot is None:
        return {}
    values: dict[str, str] = {}
    if known:
        values = {"userId": known[-1], "otherId": known[0]}
        content = _unseen(snapshot, int(snapshot.users.nids(known[-1:])[0]))
        if content is not None:
            values["contentId"] = content
    held = snapshot.edges[schema.HOLDS].target
    if len(held):
        values["trackId"] = str(snapshot.contents.ids[int(np.bincount(held).argmax())])
    shown = {name: _text(value) for name, value in values.items()}
    if "contentId" in shown:
        shown["contentIds"] = f"[{shown['contentId']}]"
    return shown


def _unseen(snapshot: Snapshot, user: int) -> str | None:
    """What most of those whom a user follows watched and the user did not; of all people for one who follows none."""
    follows, watched = snapshot.follows, snapshot.watched
    friends = follows.target[follows.indptr[user] : follows.indptr[user + 1]]
    theirs = [watched.target[watched.indptr[friend] : watched.indptr[friend + 1]] for friend in friends.tolist()]
    heard = np.concatenate(theirs) if theirs else watched.target
    counts = np.bincount(heard, minlength=snapshot.contents.count)
    counts[watched.target[watched.indptr[user] : watched.indptr[user + 1]]] = 0
    return str(snapshot.contents.ids[int(counts.argmax())]) if counts.any() else None


def _text(value: str) -> str:
    """A text in Cypher's quotes."""
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def _favourites() -> bytes:
    """A file a question, which Browser's favourites take at once."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in guide.questions():
            archive.writestr(f"Entourage/{one.name}.cypher", cypher.load(f"explore/{one.name}"))
    return held.getvalue()
