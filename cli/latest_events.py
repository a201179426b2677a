"""What people said since the snapshot, for commands that answer from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from graph.errors import InputError
from graph.events import Outbox
from graph.settings import Settings
from recommend.restrictions import Recent

__all__ = ["latest_events"]


@contextmanager
def latest_events(settings: Settings) -> Iterator[Recent]:
    """What the outbox says; raises InputError where it cannot be read."""
    recent = Recent(Outbox.of(settings))
    try:
        yield recent
    except sqlite3.Error as error:
        raise InputError(
            f"{recent.outbox.path}, which holds the latest events, cannot be read: {error}.",
            do='Try again; where it is damaged, see "The outbox" in docs/operations.md.',
        ) from error
