"""Open sessions of the player and the last sessions of each user, in one SQLite file that all workers share."""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from graph.sqlite_files import write_ahead
from recommenders.core.config import CORE
from recommenders.interest import Heard

__all__ = ["PAST", "Noted", "PlayerSessions"]

PAST: Final = CORE.past_sessions
"""Ended sessions that are kept for each user."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS open (user INTEGER PRIMARY KEY, began INTEGER, plays TEXT);
CREATE TABLE IF NOT EXISTS ended (user INTEGER, began INTEGER, plays TEXT, PRIMARY KEY (user, began)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latest (user INTEGER PRIMARY KEY, at INTEGER);
"""


class Noted(NamedTuple):
    """A play that was added."""

    at: int
    """The play's time, ms since 1970. No two plays of a user have the same, and a later play has a higher one."""
    session: Heard
    """The session that it belongs to."""
    ended: list[Heard]
    """The user's ended sessions before that one, newest first."""


class PlayerSessions:
    """Plays by user. Tracks are the catalogue's numbers. Safe to share between threads and processes.

    Every method raises sqlite3.Error when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Kept open: the last one that closes the file copies the write-ahead log into it, and waits for the disk.
        self._database = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        weakref.finalize(self, self._database.close)
        write_ahead(self._database)
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)

    def play(self, user: int, track: int, share: float, at: int, *, last: bool = False) -> Noted:
        """Add a play at the time ``at`` to the user's open session, or open one with it; end the session with ``last``.

        All of it is one transaction, so a session is never ended by halves, and of two calls at once one comes first.
        Of the ended sessions the last `PAST` are kept.
        """
        with self._change() as database:
            row = database.execute("SELECT at FROM latest WHERE user = ?", (user,)).fetchone()
            at = max(at, row[0] + 1) if row else at  # also where the clock was set back
            database.execute("INSERT OR REPLACE INTO latest VALUES (?, ?)", (user, at))
            row = database.execute("SELECT began, plays FROM open WHERE user = ?", (user,)).fetchone()
            began, plays = (row[0], json.loads(row[1])) if row else (at, [])
            plays.append((track, share))
            ended = database.execute(
                "SELECT began, plays FROM ended WHERE user = ? ORDER BY began DESC", (user,)
            ).fetchall()
            if last:
                database.execute("DELETE FROM open WHERE user = ?", (user,))
                database.execute("INSERT INTO ended VALUES (?, ?, ?)", (user, began, json.dumps(plays)))
                database.executemany(
                    "DELETE FROM ended WHERE user = ? AND began = ?", [(user, old) for old, _ in ended[PAST - 1 :]]
                )
            else:
                database.execute("INSERT OR REPLACE INTO open VALUES (?, ?, ?)", (user, began, json.dumps(plays)))
        return Noted(at, _heard(began, plays), [_heard(began, json.loads(plays)) for began, plays in ended])

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction: changes of all threads and processes happen in turn, each completely or not at all."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.rollback()
                raise
            self._database.commit()


def _heard(began: int, plays: list[tuple[int, float]]) -> Heard:
    return Heard(tuple(track for track, _ in plays), tuple(share for _, share in plays), began=began)
