"""SQLite files that several processes open at the same moment."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

__all__ = ["write_ahead"]

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
