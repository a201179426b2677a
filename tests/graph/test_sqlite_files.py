"""A SQLite file that others are at work on while it is changed to write ahead."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from graph.sqlite_files import write_ahead


def test_it_waits_for_another_that_begins_with_the_file_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE play (user INTEGER)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM play").fetchall()  # SQLite itself does not wait for a reader there
        timer = threading.Timer(0.3, other.execute, ["COMMIT"])
        timer.start()
        with closing(sqlite3.connect(path, timeout=0.05)) as database:
            write_ahead(database)
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        timer.join()
