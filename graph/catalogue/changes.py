"""`Changes`: what was said of contents and people and what became of it, in the file of the outbox.

There is one row a content or person. What is said while an earlier change waits joins it, and the later one counts, so
that no change overtakes another. A row is kept until the snapshot in use holds it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from graph import schema
from graph.sqlite_files import Connection, transaction

__all__ = ["Change", "Changes", "Kept", "Status"]

Status = Literal["waiting", "applied", "rejected"]

_GRACE_MS: Final = 2_000
"""How long a change is left to the request that brought it, before the drainer takes it."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL UNIQUE, body TEXT NOT NULL, whole TEXT NOT NULL,
    taken_down INTEGER, hides INTEGER, received INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting', due INTEGER NOT NULL, settled INTEGER, reason TEXT,
    private INTEGER, was_private INTEGER
);
CREATE INDEX IF NOT EXISTS change_due ON change (due) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS change_settled ON change (settled);
"""
"""``private``: whether the person is private by all that was said and not rejected. ``was_private``: the same by what
was applied alone; it counts again after a rejection. Both are null where nothing was said of it."""


class Change(NamedTuple):
    """A change of one content or person."""

    target: str
    """``keaks/1`` or ``users/1``."""
    body: Mapping[str, Any]
    """Field → value, None for a value that goes; what is left out stays."""
    taken_down: bool | None = None
    """Whether the content is taken down; None for a person."""


@dataclass(frozen=True)
class Kept:
    """A change of the outbox and what became of it."""

    seq: int
    change: Change
    received: int
    """When it was accepted, in ms; where several wait together, the first of them."""
    status: Status
    reason: str | None


class Changes:
    """Safe to share between threads and processes. Every call raises sqlite3.Error or OSError as `Outbox` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._durable = Connection(path, "FULL", _TABLES, "change_settled", _add_private)
        self._quick = Connection(path, "NORMAL", _TABLES, "change_settled", _add_private)
        self._known: dict[str, tuple[list[Any], dict[str, bool]]] = {}
        """By query: the state in which it was asked, and its answer."""

    def accept(self, change: Change, received: int) -> int:
        """Write a change to disk; its number. ``received`` in ms. On return it survives a cut of the power."""
        with self._durable.writing() as database:
            before = database.execute(
                "SELECT body, whole, received, status, hides, private, was_private FROM change WHERE target = ?",
                (change.target,),
            ).fetchone()
            body, whole, first = dict(change.body), dict(change.body), received
            hides = True if change.taken_down else before and before[4]  # what comes back is shown once it is applied
            private, was_private = before[5:] if before else (None, None)
            if "is_private" in change.body:  # only people have it
                private = bool(change.body["is_private"])
            if before and before[3] != "rejected":
                whole = json.loads(before[1]) | whole
                if before[3] == "waiting":
                    body, first = json.loads(before[0]) | body, before[2]
            (seq,) = database.execute(
                "INSERT OR REPLACE INTO change "
                "(target, body, whole, taken_down, hides, private, was_private, received, due) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
                (
                    change.target,
                    *map(json.dumps, (body, whole)),
                    change.taken_down,
                    hides,
                    private,
                    was_private,
                    first,
                    received + _GRACE_MS,
                ),
            ).fetchone()
            return int(seq)

    def those(self, seqs: Sequence[int]) -> dict[int, Kept]:
        """Changes by their numbers, without those that a later one has joined."""
        marks = ", ".join("?" * len(seqs))
        return {kept.seq: kept for kept in self._kept(f"seq IN ({marks})", *seqs)}

    def about(self, target: str) -> Kept | None:
        """The last change of a content or person."""
        return next(iter(self._kept("target = ?", target)), None)

    def due(self, now: int, limit: int) -> list[Kept]:
        """Waiting changes whose time to be tried has come (ms), the longest due first."""
        return self._kept("status = 'waiting' AND due <= ? ORDER BY due LIMIT ?", now, limit)

    def settle(self, told: Iterable[tuple[int, Status, str | None, int]], now: int) -> None:
        """Keep what became of changes: number, status, reason, and when a waiting one is tried again (ms).

        After a rejection, a person is private if the changes that were applied before say so.
        """
        with self._quick.writing() as database:
            database.executemany(
                "UPDATE change SET status = ?2, reason = ?3, due = ?4, "
                "settled = CASE ?2 WHEN 'waiting' THEN NULL ELSE ?5 END, "
                "hides = CASE WHEN ?2 = 'applied' THEN taken_down WHEN ?2 = 'rejected' AND taken_down THEN NULL "
                "ELSE hides END, "
                "private = CASE ?2 WHEN 'rejected' THEN was_private ELSE private END, "
                "was_private = CASE ?2 WHEN 'applied' THEN private ELSE was_private END WHERE seq = ?1",
                [(*one, now) for one in told],
            )

    def taken_down(self) -> Mapping[str, bool]:
        """Content id → whether it is taken down, of all that was said since the snapshot in use."""
        return self._marks("SELECT target, hides FROM change WHERE hides IS NOT NULL")

    def private(self) -> Mapping[str, bool]:
        """Bare user id → whether the person is private, of all that was said since the snapshot in use."""
        return self._marks("SELECT target, private FROM change WHERE private IS NOT NULL")

    def _marks(self, query: str) -> Mapping[str, bool]:
        """The answer to a query for ids and marks; the same object until a change is accepted or settled."""
        state = self._rows(
            "SELECT max(seq), (SELECT max(settled) FROM change), "
            "(SELECT count(*) FROM change WHERE status = 'waiting') FROM change"
        )
        known = self._known.get(query)
        if known is None or known[0] != state:
            marks = {target.removeprefix(schema.USER_PREFIX): bool(mark) for target, mark in self._rows(query)}
            known = self._known[query] = state, marks
        return known[1]

    def waiting_take_downs(self) -> set[str]:
        """Ids of contents that are taken down and may not be marked so in the graph yet."""
        return {target for (target,) in self._rows("SELECT target FROM change WHERE status = 'waiting' AND hides")}

    def published(self, since: int) -> dict[str, int]:
        """Contents that came into the graph, or changed there, from ``since`` (ms) on: id → number of the change."""
        where = "settled >= ? AND status = 'applied' AND NOT taken_down ORDER BY seq DESC"
        return dict(self._rows(f"SELECT target, seq FROM change WHERE {where}", since))  # noqa: S608

    def backlog(self) -> tuple[int, int | None]:
        """The same as `Outbox.backlog`, for changes alone."""
        ((length, oldest),) = self._rows("SELECT count(*), min(received) FROM change WHERE status = 'waiting'") or [
            (0, None)
        ]
        return length, oldest

    def forget(self, held_before: int | None, kept_before: int) -> None:
        """Delete what was applied before ``held_before`` (ms; the snapshot in use holds it), and what was rejected
        before ``kept_before``."""
        if not self.path.exists():
            return
        with self._quick.writing() as database:
            database.execute(
                "DELETE FROM change WHERE settled < CASE status WHEN 'rejected' THEN ?2 ELSE ?1 END",
                (0 if held_before is None else held_before, kept_before),
            )

    def apply_again(self) -> None:
        """Let all changes wait once more, for a graph that may not have them."""
        with self._durable.writing() as database:
            database.execute(
                "UPDATE change SET status = 'waiting', body = whole, settled = NULL, due = 0 WHERE status = 'applied'"
            )

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        self._durable.close()
        self._quick.close()

    def _kept(self, where: str, *values: Any) -> list[Kept]:
        rows = self._rows(
            f"SELECT seq, target, body, taken_down, received, status, reason FROM change WHERE {where}",  # noqa: S608
            *values,
        )
        return [
            Kept(
                seq,
                Change(target, json.loads(body), None if taken_down is None else bool(taken_down)),
                received,
                status,
                reason,
            )
            for seq, target, body, taken_down, received, status, reason in rows
        ]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if not self.path.exists():
            return []
        with self._quick.reading() as database:
            return database.execute(query, values).fetchall()


def _add_private(database: sqlite3.Connection) -> None:
    """Give the table the index that `Changes.private` reads, and that of an older version its two columns, filled.

    All at once, or nothing where the process is killed; another process may do so at the same time.
    """
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'change_private'").fetchone():
        return
    with transaction(database):
        if not any(row[1] == "private" for row in database.execute("PRAGMA table_info(change)")):
            database.execute("ALTER TABLE change ADD COLUMN private INTEGER")
            database.execute("ALTER TABLE change ADD COLUMN was_private INTEGER")
            people = database.execute(
                "SELECT seq, status, body, whole FROM change WHERE target GLOB ?", (f"{schema.USER_PREFIX}*",)
            ).fetchall()
            database.executemany(
                "UPDATE change SET private = ?2, was_private = ?3 WHERE seq = ?1",
                [
                    (seq, *_private_of(status, json.loads(body), json.loads(whole)))
                    for seq, status, body, whole in people
                ],
            )
        database.execute(
            "CREATE INDEX IF NOT EXISTS change_private ON change (target, private) WHERE private IS NOT NULL"
        )


def _private_of(status: Status, body: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """`private` and `was_private` of a row that was written before there were such columns."""
    if "is_private" not in whole:
        return None, None
    said = bool(whole["is_private"])
    applied = said if status == "applied" or "is_private" not in body else None  # what only ``whole`` has was applied
    return (applied if status == "rejected" else said), applied
