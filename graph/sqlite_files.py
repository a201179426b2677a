"""SQLite files that several processes open at the same moment."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

__all__ = ["Connection", "transaction", "write_ahead"]

_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.01


def write_ahead(database: sqlite3.Connection) -> None:
    """Have the file write ahead, so that readers wait for no writer. Raises sqlite3.OperationalError after 10 s.

    The timeout of a connection does not hold for this change: of two that open a new file at once, one is refused.
    """
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction that may write: whole, or not there at all."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


class Connection:
    """A connection to write by and one to read by, each used by one thread at a time: reads wait for no write."""

    def __init__(
        self,
        path: Path,
        synchronous: Literal["FULL", "NORMAL"],
        tables: str,
        newest: str,
        mend: Callable[[sqlite3.Connection], object] = lambda _: None,
    ) -> None:
        """``tables``: what makes the tables, run where the file lacks ``newest``, the last of what it makes.

        ``mend`` is called with every connection that is opened, for files of an older version.
        """
        self._path = path
        self._synchronous = synchronous
        self._tables, self._newest, self._mend = tables, newest, mend
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._reading:
            if self._reader is None:
                self._reader = self._open()
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: whole, or not there at all."""
        with self._lock:
            if self._database is None:
                self._database = self._open()
            with transaction(self._database):
                yield self._database

    def close(self) -> None:
        with self._lock, self._reading:
            for database in (self._database, self._reader):
                if database:
                    database.close()
            self._database = self._reader = None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=10.0, check_same_thread=False, isolation_level=None)
        write_ahead(database)
        database.execute(f"PRAGMA synchronous = {self._synchronous}")
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self._newest,)).fetchone():
            database.executescript(self._tables)
        self._mend(database)
        return database
