"""Open sessions of the player and the last sessions of each user, in one SQLite file that all workers share."""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from recommenders.core.config import CORE
from recommenders.interest import Heard

__all__ = ["PAST", "PlayerSessions"]

PAST: Final = CORE.past_sessions
"""Ended sessions that are kept for each user."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS open (user INTEGER PRIMARY KEY, began INTEGER, plays TEXT);
CREATE TABLE IF NOT EXISTS ended (user INTEGER, began INTEGER, plays TEXT, PRIMARY KEY (user, began)) WITHOUT ROWID;
"""


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
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)

    def play(self, user: int, track: int, share: float, at: int) -> tuple[Heard, list[Heard]]:
        """Add a play to the user's open session, or open one with it; that session, and the ended ones, newest first.

        ``at``: ms since 1970. Two plays at once are added one after the other.
        """
        with self._change() as database:
            row = database.execute("SELECT began, plays FROM open WHERE user = ?", (user,)).fetchone()
            began, plays = (row[0], json.loads(row[1])) if row else (at, [])
            plays.append((track, share))
            database.execute("INSERT OR REPLACE INTO open VALUES (?, ?, ?)", (user, began, json.dumps(plays)))
            ended = database.execute(
                "SELECT began, plays FROM ended WHERE user = ? ORDER BY began DESC", (user,)
            ).fetchall()
        return _heard(began, plays), [_heard(began, json.loads(plays)) for began, plays in ended]

    def end(self, user: int) -> None:
        """End the user's open session, if there is one. The last `PAST` are kept."""
        with self._change() as database:
            database.execute("INSERT OR REPLACE INTO ended SELECT user, began, plays FROM open WHERE user = ?", (user,))
            database.execute("DELETE FROM open WHERE user = ?", (user,))
            database.execute(
                "DELETE FROM ended WHERE user = ?1 AND began NOT IN "
                "(SELECT began FROM ended WHERE user = ?1 ORDER BY began DESC LIMIT ?2)",
                (user, PAST),
            )

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
