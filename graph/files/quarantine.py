"""Where rows go that cannot be loaded: one JSON line each, with file, line, reason and the row as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from graph import aside
from graph.files.scale import Found

__all__ = ["FileReport", "ImportReport", "Quarantine", "opened"]


@dataclass
class FileReport:
    """What became of the rows of one file: ``read = loaded + merged + quarantined + dangling``."""

    file: str
    read: int = 0
    loaded: int = 0
    merged: int = 0
    """Repeats of a row already there, folded into it."""
    quarantined: int = 0
    dangling: int = 0
    """Rows that name a user or content nobody has."""
    noted: int = 0
    """Values left out of rows that were loaded without them."""


@dataclass
class ImportReport:
    """What an import did."""

    files: list[FileReport] = field(default_factory=list)
    quarantine: Path | None = None
    """The quarantine file; None when every row was good."""
    scales: list[Found] = field(default_factory=list)
    """In which scale each progress column was read."""
    nodes: dict[str, int] = field(default_factory=dict)
    relationships: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Quarantine:
    """Appends to one file and counts by source file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, file: str, rows: pl.DataFrame, *, loaded: bool = False) -> None:
        """Write down ``rows`` (columns line, reason, raw) of ``file``.

        ``loaded`` says that the row went in without the value that the reason names.
        """
        if rows.is_empty():
            return
        lines = rows.select(
            pl.lit(file).alias("file"), "line", "reason", pl.lit(loaded, dtype=pl.Boolean).alias("loaded"), "raw"
        )
        with self._path.open("ab") as out:
            lines.write_ndjson(out)


@contextmanager
def opened(home: Path) -> Iterator[tuple[Quarantine, Path]]:
    """A quarantine and the path it will have under ``home/quarantine`` when the block ends well.

    Without a single bad row no file is left.
    """
    path = home / "quarantine" / f"import-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
    with aside.file(path) as fresh:
        fresh.touch()
        yield Quarantine(fresh), path
    if path.stat().st_size == 0:
        path.unlink()
