"""What is published and taken down: on disk before the answer leaves, in the graph as soon as it can be."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any, Final

import flask
from flask_openapi3.models.tag import Tag

from graph.catalogue.changes import Change, Kept
from graph.events import milliseconds
from web import logs
from web.events import CLOCK, utc
from web.problems import Problem, documented
from web.serving import serving

__all__ = ["REFUSED", "TAGS", "accepted", "became"]

TAGS: Final = [Tag(name="Catalogue", description="Contents and people, as they are published and taken down.")]
REFUSED: Final = documented(413, 415)


def accepted(change: Change) -> dict[str, Any]:
    """Accept a change, write it into the graph if that answers, and tell what became of it."""
    held, at = serving(), _now()
    try:
        seq = held.outbox.changes.accept(change, milliseconds(at))
        held.publish_now(seq, at)
        kept = held.outbox.changes.about(change.target)
    except (OSError, sqlite3.Error) as error:
        logs.log.error("the outbox cannot be used", error=str(error))
        raise Problem("unavailable", "Changes cannot be written to disk now. Send it again.") from error
    return _told(kept)


def became(target: str) -> dict[str, Any]:
    """What became of the last change of a content or person, and when it was accepted."""
    try:
        kept = serving().outbox.changes.about(target)
    except (OSError, sqlite3.Error) as error:
        logs.log.error("the outbox cannot be used", error=str(error))
        raise Problem("unavailable", "Changes cannot be read from disk now. Ask again.") from error
    if kept is None:
        raise Problem("unknown-change", f"No change of {target} waits, or was made since the snapshot in use.")
    return _told(kept) | {"received_at": utc(kept.received)}


def _told(kept: Kept | None) -> dict[str, Any]:
    waits = kept is not None and kept.status != "applied"
    return {
        "request_id": logs.request_id(),
        "status": kept.status if kept and waits else "applied",
        "reason": kept.reason if kept and waits else None,
    }


def _now() -> datetime:
    clock = flask.current_app.extensions.get(CLOCK)
    return clock() if clock else datetime.now(UTC)
