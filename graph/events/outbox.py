"""`Outbox`: events that were accepted and what became of them, in one file of the home, ``outbox.sqlite3``.

An event is on disk here before its sender gets an answer, and waits until it is in the graph (`graph.live.drain`). It
is kept until the snapshot in use holds it, so that feeds without Neo4j can respect it; the graph itself keeps the ids
of counted events (`graph.events.record.forget`). The blocks that stood in the graph when last asked lie here, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from graph.catalogue.changes import Changes
from graph.events.event import IMPRESSION, Entry
from graph.settings import Settings
from graph.sqlite_files import Connection

__all__ = ["RESTRICTING", "Kept", "Outbox", "Status"]

Status = Literal["waiting", "applied", "repeated", "rejected"]
"""``repeated``: the graph had counted the same id before."""

RESTRICTING: Final = ("watch", "like", "comment", "share", "hide", "unhide", "block", "unblock")
"""Kinds of events that decide what a person must not be shown."""
_GRACE_MS: Final = 2_000
"""How long an event is left to the request that brought it, before the drainer takes it."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    producer TEXT NOT NULL, event_id TEXT NOT NULL, kind TEXT NOT NULL, user_id TEXT NOT NULL, target TEXT NOT NULL,
    at INTEGER NOT NULL, progress REAL, received INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting', due INTEGER NOT NULL, settled INTEGER, reason TEXT, context TEXT,
    UNIQUE (producer, event_id)
);
CREATE INDEX IF NOT EXISTS event_due ON event (due) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS event_user ON event (user_id);
CREATE INDEX IF NOT EXISTS event_target ON event (target) WHERE kind IN ('block', 'unblock');
CREATE INDEX IF NOT EXISTS event_settled ON event (settled);
CREATE TABLE IF NOT EXISTS block (source TEXT, target TEXT, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS block_target ON block (target);
"""
_ENTRY: Final = "producer, event_id, kind, user_id, target, at, progress, context"
_ACCEPT: Final = f"""
INSERT INTO event ({_ENTRY}, received, due, status, settled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
    CASE ?3 WHEN '{IMPRESSION}' THEN 'applied' ELSE 'waiting' END, CASE ?3 WHEN '{IMPRESSION}' THEN ?9 END)
ON CONFLICT (producer, event_id) DO UPDATE SET
    kind = excluded.kind, user_id = excluded.user_id, target = excluded.target, at = excluded.at,
    progress = excluded.progress, context = excluded.context, received = excluded.received, due = excluded.due,
    status = excluded.status, settled = excluded.settled, reason = NULL
WHERE status = 'rejected'
RETURNING seq
"""  # noqa: S608 - names of our own columns
_SELECT_KEPT: Final = f"SELECT seq, received, status, reason, {_ENTRY} FROM event"  # noqa: S608
_SELECT_RESTRICTING: Final = f"SELECT {_ENTRY} FROM event WHERE kind IN {RESTRICTING}"  # noqa: S608


@dataclass(frozen=True)
class Kept:
    """An event of the outbox and what became of it."""

    seq: int
    entry: Entry
    received: int
    """When it was accepted, in ms."""
    status: Status
    reason: str | None
    """What a waiting event waits for, or why one was rejected."""


class Outbox:
    """Safe to share between threads and processes; connections are opened when first used.

    Every call raises sqlite3.Error or OSError when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._durable = Connection(path, "FULL", _TABLES, "block_target", _add_context)
        self._quick = Connection(path, "NORMAL", _TABLES, "block_target", _add_context)
        self.changes = Changes(path)
        """Changes of the catalogue, in the same file."""

    @classmethod
    def of(cls, settings: Settings) -> Outbox:
        """The one of a home."""
        return cls(settings.home / "outbox.sqlite3")

    def accept(self, entries: Iterable[Entry], received: int) -> list[int | None]:
        """Write events to disk; the number of each, None for one that is there already. ``received`` in ms.

        On return they survive a kill of the process and a cut of the power. A rejected event may be sent again. An
        impression is applied at once: the graph has no place for it.
        """
        with self._durable.writing() as database:
            found = (
                database.execute(_ACCEPT, (*entry, received, received + _GRACE_MS)).fetchall() for entry in entries
            )
            return [int(rows[0][0]) if rows else None for rows in found]

    def fresh(self, first: int, limit: int) -> list[Kept]:
        """Events from the number ``first`` on of which nobody has tried yet to write them into the graph."""
        return self._kept("seq >= ? AND status = 'waiting' AND reason IS NULL ORDER BY seq LIMIT ?", first, limit)

    def due(self, now: int, limit: int) -> list[Kept]:
        """Waiting events whose time to be tried has come (ms), the longest due first."""
        return self._kept("status = 'waiting' AND due <= ? ORDER BY due LIMIT ?", now, limit)

    def settle(self, told: Iterable[tuple[int, Status, str | None, int]], now: int) -> None:
        """Keep what became of events: number, status, reason, and when a waiting one is tried again (ms).

        What is lost of this by a cut of the power is found again by the next try.
        """
        with self._quick.writing() as database:
            database.executemany(
                "UPDATE event SET status = ?2, reason = ?3, due = ?4, settled = CASE ?2 WHEN 'waiting' THEN NULL "
                "ELSE ?5 END WHERE seq = ?1",
                [(*one, now) for one in told],
            )

    def those(self, seqs: Sequence[int]) -> dict[int, Kept]:
        """Events by their numbers."""
        marks = ", ".join("?" * len(seqs))
        return {kept.seq: kept for kept in self._kept(f"seq IN ({marks})", *seqs)}

    def find(self, producer: str, event_id: str) -> Kept | None:
        """The event with this id of this producer."""
        return next(iter(self._kept("producer = ? AND event_id = ?", producer, event_id)), None)

    def about(self, user_id: str, *, waiting: bool = False) -> list[Entry]:
        """Events that decide what this person must not be shown.

        ``waiting``: only those that are not in the graph, without blocks of people whom the graph does not know.
        """
        able = "status = 'waiting' AND (reason IS NULL OR kind != 'block')" if waiting else "status != 'rejected'"
        return self._entries(f"user_id = ? AND {able}", user_id) + self._entries(
            f"target = ? AND kind IN ('block', 'unblock') AND {able}", user_id
        )

    def restricting(self) -> list[Entry]:
        """All events that decide what anybody must not be shown."""
        return self._entries("status != 'rejected'")

    def backlog(self) -> tuple[int, int | None]:
        """How many events and changes wait, and when the oldest of them was accepted (ms)."""
        ((events, event),) = self._rows("SELECT count(*), min(received) FROM event WHERE status = 'waiting'") or [
            (0, None)
        ]
        changes, change = self.changes.backlog()
        return events + changes, min((at for at in (event, change) if at is not None), default=None)

    def forget(self, held_before: int | None, kept_before: int) -> int:
        """Delete what was applied before ``held_before`` (ms; the snapshot in use holds it) and all that was settled
        before ``kept_before``; the number of events deleted."""
        self.changes.forget(held_before, kept_before)
        with self._quick.writing() as database:
            return database.execute(
                "DELETE FROM event WHERE settled < ?2 OR (settled < ?1 AND status != 'rejected')",
                (0 if held_before is None else held_before, kept_before),
            ).rowcount

    def apply_again(self) -> int:
        """Let all that was applied wait once more, for a graph that may not have it; the number of events."""
        if not self.path.exists():
            return 0
        self.changes.apply_again()
        with self._durable.writing() as database:
            return database.execute(
                "UPDATE event SET status = 'waiting', settled = NULL, due = 0 WHERE status IN ('applied', 'repeated') "
                "AND kind != ?",
                (IMPRESSION,),
            ).rowcount

    def blocks(self, user_id: str | None = None) -> set[tuple[str, str]]:
        """Who blocked whom in the graph when last asked; ``user_id``: only where this person is one of the two."""
        if user_id is None:
            return {*self._rows("SELECT source, target FROM block")}
        return {*self._rows("SELECT source, target FROM block WHERE source = ?1 OR target = ?1", user_id)}

    def keep_blocks(self, standing: set[tuple[str, str]]) -> None:
        """Keep who blocks whom in the graph."""
        known = self.blocks()
        with self._quick.writing() as database:
            database.executemany("DELETE FROM block WHERE source = ? AND target = ?", known - standing)
            database.executemany("INSERT OR IGNORE INTO block VALUES (?, ?)", standing - known)

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        self._durable.close()
        self._quick.close()
        self.changes.close()

    def _kept(self, where: str, *values: Any) -> list[Kept]:
        rows = self._rows(f"{_SELECT_KEPT} WHERE {where}", *values)
        return [Kept(seq, Entry(*entry), received, status, reason) for seq, received, status, reason, *entry in rows]

    def _entries(self, where: str, *values: Any) -> list[Entry]:
        rows = self._rows(f"{_SELECT_RESTRICTING} AND {where}", *values)
        return [Entry(*row) for row in rows]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if not self.path.exists():
            return []
        with self._quick.reading() as database:
            return database.execute(query, values).fetchall()


def _add_context(database: sqlite3.Connection) -> None:
    """Give the table of an older version its column; another process may do so at the same time."""
    with suppress(sqlite3.OperationalError):
        if not any(row[1] == "context" for row in database.execute("PRAGMA table_info(event)")):
            database.execute("ALTER TABLE event ADD COLUMN context TEXT")
