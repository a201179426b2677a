"""What the service's workers tell each other of the graph: the pairs that events changed, and whether others wrote.

One small file in the home. A pair is what Neo4j held of it after the event, so applying it twice changes nothing.
``mark`` names the state that the graph would have without our own events: it stays the same while nobody else writes.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph.database.bookmark import Transaction
from graph.errors import GraphTimeout
from graph.live.facts import Fact, kept, read
from graph.settings import Settings
from graph.snapshot.format import Step
from graph.sqlite_files import write_ahead

__all__ = ["Ledger", "State"]

_PAUSE_S: Final = 0.002
"""Seconds between two tries to get one's turn."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS pair (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, people INTEGER, source TEXT, target TEXT, held TEXT,
    UNIQUE (people, source, target)
);
CREATE TABLE IF NOT EXISTS state (
    only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT, own INTEGER, mark TEXT, checked REAL
);
CREATE TABLE IF NOT EXISTS forgotten (seq INTEGER);
"""


@dataclass(frozen=True)
class State:
    """The state of the ledger."""

    id: str
    own: int
    """Transactions of our own that changed the graph."""
    mark: str | None
    """None where Neo4j did not tell its last transaction."""
    checked: float
    """When the graph was last compared with it, in seconds since 1970."""
    seq: int
    """Number of the newest pair."""
    forgotten: int
    """Number of the newest pair that was deleted. A reader that has not read it must read the graph anew."""

    @property
    def step(self) -> Step | None:
        """What an export that begins now writes into its manifest, to say which state of the graph it holds."""
        return None if self.mark is None else Step(ledger=self.id, mark=self.mark, seq=self.seq)


class Ledger:
    """Safe to share between threads and processes; the connection for reading is opened when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reading = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._version: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Ledger:
        """The ledger in the home of these settings."""
        return cls(settings.home / "ledger.sqlite3")

    @contextmanager
    def turn(self, wait_s: float) -> Iterator[None]:
        """One writer at a time, of all processes. Raises GraphTimeout when the turn does not come within ``wait_s``."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("a") as file:
            end = time.monotonic() + wait_s
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise GraphTimeout("Other events were still being written at the deadline.") from None
                    time.sleep(_PAUSE_S)
            yield

    def record(self, facts: Iterable[Fact], changes: int, last: Transaction | None) -> None:
        """Keep what the graph holds after ``changes`` of our transactions, the newest ``last``. Only in one's turn."""
        with closing(self._open()) as database, database:
            own = self._own(database) + changes
            database.executemany(
                "INSERT OR REPLACE INTO pair (people, source, target, held) VALUES (?, ?, ?, ?)",
                [kept(fact) for fact in facts],
            )
            mark = None if last is None else f"{last.database}:{last.number - own}"
            database.execute("UPDATE state SET own = ?, mark = ?, checked = ?", (own, mark, time.time()))

    def state(self) -> State:
        """The state as of now."""
        with self._reading:
            return self._state(self._reader())

    def news(self, seq: int) -> tuple[State, list[Fact]] | None:
        """The state and the facts that were recorded after ``seq``; None where nothing was written since asked last."""
        with self._reading:
            database = self._reader()
            (version,) = database.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return None
            state = self._state(database)
            rows = database.execute(
                "SELECT people, source, target, held FROM pair WHERE seq > ? AND seq <= ? ORDER BY seq",
                (seq, state.seq),
            ).fetchall()
            self._version = version
        return state, [read(*row) for row in rows]

    def since(self, seq: int) -> tuple[State, list[Fact]]:
        """Do what `news` does, also if nothing changed, and leave the facts for the next caller of `news`."""
        with self._reading:
            self._version = None
        found = self.news(seq)
        assert found is not None
        with self._reading:
            self._version = None
        return found

    def forget(self, seq: int) -> None:
        """Forget the pairs up to ``seq``: the snapshot that everybody opens from now on holds them."""
        if self.state().forgotten >= seq:
            return
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM pair WHERE seq <= ?", (seq,))
            database.execute("INSERT INTO forgotten VALUES (?)", (seq,))
            database.execute("DELETE FROM forgotten WHERE seq < ?", (seq,))

    def _reader(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=10.0, check_same_thread=False)
        write_ahead(database)
        database.execute("PRAGMA synchronous = NORMAL")
        if not database.execute("SELECT name FROM sqlite_master WHERE name = 'forgotten'").fetchone():
            database.executescript(_TABLES)
            with database:
                database.execute("INSERT OR IGNORE INTO state VALUES (1, ?, 0, NULL, 0)", (uuid.uuid4().hex,))
        return database

    @staticmethod
    def _own(database: sqlite3.Connection) -> int:
        return int(database.execute("SELECT own FROM state").fetchone()[0])

    @staticmethod
    def _state(database: sqlite3.Connection) -> State:
        id_, own, mark, checked = database.execute("SELECT id, own, mark, checked FROM state").fetchone()
        newest = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'pair'").fetchone()
        (forgotten,) = database.execute("SELECT max(seq) FROM forgotten").fetchone()
        return State(id_, own, mark, checked, newest[0] if newest else 0, forgotten or 0)
