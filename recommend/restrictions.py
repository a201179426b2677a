"""What a person must not be shown: people blocked on either side and contents they hid, also where Neo4j cannot tell.

Blocks and hides that come in through the service are kept in a small file beside the snapshot, which all workers share,
so that they hold for answers from a snapshot that is older than they are. `Blocks` adds those that others wrote into
Neo4j.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from graph.settings import Settings

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["Blocks", "Change", "Recent", "Restrictions"]

_KEPT_S: Final = 30 * 24 * 3600
"""A snapshot is expected to be made at least this often."""
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS change (
    relation TEXT, source TEXT, target TEXT, holds INTEGER, at INTEGER, received INTEGER,
    PRIMARY KEY (relation, source, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS change_target ON change (target);
"""


@dataclass(frozen=True)
class Restrictions:
    """What one person must not be shown."""

    blocked: frozenset[str] = frozenset()
    """Bare ids of people whom they blocked or who blocked them."""
    hidden: frozenset[str] = frozenset()
    """Prefixed content ids."""


@dataclass(frozen=True)
class Change:
    """Somebody blocked or unblocked somebody, hid or unhid a content."""

    relation: Literal["blocked", "hid"]
    source: str
    target: str
    holds: bool
    """False for what was taken back."""
    at: int
    """When, in ms: of two changes the later one counts."""


class Recent:
    """The changes of the last 30 days. Safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> Recent:
        """The one of a home."""
        return cls(settings.home / "recent.sqlite3")

    def note(self, changes: Iterable[Change]) -> None:
        """Remember changes. Raises sqlite3.Error or OSError when the file cannot be written."""
        now = int(time.time())
        rows = [(c.relation, c.source, c.target, c.holds, c.at, now) for c in changes]
        if not rows:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.executescript(_TABLE)
            database.executemany(
                "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "holds = excluded.holds, at = excluded.at, received = excluded.received WHERE excluded.at >= change.at",
                rows,
            )
            database.execute("DELETE FROM change WHERE received < ?", (now - _KEPT_S,))

    def with_recent(self, known: Restrictions, user_id: str) -> Restrictions:
        """``known`` of somebody, and what was added since. Raises sqlite3.Error when the file cannot be read.

        What was taken back is not removed from ``known``: it stays hidden until a newer snapshot comes.
        """
        if not self.path.exists():
            return known
        with self._open() as database:
            rows = database.execute(
                "SELECT relation, source, target FROM change WHERE holds AND (source = ?1 OR target = ?1)", (user_id,)
            ).fetchall()
        blocked = {t if s == user_id else s for relation, s, t in rows if relation == "blocked"}
        hidden = {t for relation, s, t in rows if relation == "hid" and s == user_id}
        return Restrictions(known.blocked | blocked, known.hidden | hidden)

    def standing(self, relation: Literal["blocked", "hid"]) -> set[tuple[str, str]]:
        """Who blocks whom or hid what, of what is remembered. Raises sqlite3.Error when the file cannot be read."""
        if not self.path.exists():
            return set()
        with self._open() as database:
            rows = database.execute("SELECT source, target FROM change WHERE holds AND relation = ?", (relation,))
            return set(rows.fetchall())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=1.0)) as database, database:
            database.execute("PRAGMA journal_mode = WAL")
            yield database


class Blocks:
    """Brings ``recent`` up to date with the blocks that stand in Neo4j, whoever wrote them there."""

    def __init__(self, recent: Recent) -> None:
        self.recent = recent
        self._count: int | None = None

    def refresh(self, graph: Graph) -> None:
        """Ask Neo4j for the blocks where their number is another than last time; the number costs it nothing.

        Raises like ``Graph.read``, and sqlite3.Error or OSError when the file cannot be used.
        """
        count = graph.read("filters/count_blocks")[0]["count"]
        if count == self._count:
            return
        known = self.recent.standing(
            "blocked"
        )  # first: what an event adds from here on is in the graph before it is there
        standing = {(row["source"], row["target"]) for row in graph.read("filters/blocks", deadline_ms=0)}
        now = int(time.time() * 1000)
        changes = [Change("blocked", *pair, True, now) for pair in standing - known]
        changes += [Change("blocked", *pair, False, now) for pair in known - standing]
        self.recent.note(changes)
        self._count = count
