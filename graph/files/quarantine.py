"""Where rows go that cannot be loaded: one JSON line each, with file, line, reason and the row as it was."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from graph import aside
from graph.errors import InputError
from graph.files.scale import Found

__all__ = ["Column", "FileReport", "ImportReport", "Quarantine", "opened"]


@dataclass(frozen=True)
class Column:
    """One column of a file, and how it is read."""

    title: str
    """The column's name in the file, or its number."""
    ours: str | None
    """Our column that it stands for; None if it is ignored."""
    how: str = ""
    """A note on how it was read; may be empty."""


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
    """Rows that name an unknown user or content."""
    noted: int = 0
    """Values left out of rows that were loaded without them."""
    untimed: int = 0
    """Times before 1990 or more than an hour from now, taken for unknown."""
    comments: int = 0
    """Comment lines among the rows."""
    empty: bool = False
    columns: list[Column] = field(default_factory=list)
    separator: str | None = None
    header: bool | None = None
    preview: list[list[str]] = field(default_factory=list)
    """The first three rows, by column."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Reason → rows (or values) that it cost."""

    @property
    def refused(self) -> int:
        return self.quarantined + self.dangling

    @property
    def hopeless(self) -> bool:
        """Whether no row loads though there are some, or more than nine tenths of twenty and more are refused."""
        if self.read and not self.loaded + self.merged:
            return True
        return self.read >= LEAST and self.refused > 0.9 * self.read


@dataclass
class ImportReport:
    """The report of an import."""

    files: list[FileReport] = field(default_factory=list)
    quarantine: Path | None = None
    """The quarantine file; None when every row was good."""
    ignored: list[str] = field(default_factory=list)
    """Files of the folder that are not read."""
    scales: list[Found] = field(default_factory=list)
    """The scale in which each progress column was read."""
    nodes: dict[str, int] = field(default_factory=dict)
    relationships: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Sentences with whatever else the user should know."""
    seconds: float = 0.0

    def check(self) -> None:
        """Raises InputError where a file's rows are refused so often that its layout must be misread."""
        for file in self.files:
            if file.hopeless:
                why = "; ".join(f"{reason} ({count:,})" for reason, count in file.reasons.most_common(3))
                raise InputError(
                    f"Nothing was loaded: {file.refused:,} of {file.read:,} rows of {file.file} cannot be: {why}.",
                    do="See above what its columns were taken for; --columns, --separator, --header, --encoding and "
                    "--progress say it instead. Move the file away if it is something else.",
                )


LEAST: Final = 20
"""Rows of a file from which on nine tenths of them refused stop an import."""


class Quarantine:
    """Appends to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, report: FileReport, rows: pl.DataFrame, *, loaded: bool = False) -> None:
        """Write down ``rows`` (columns line, reason, raw) of the file of ``report``, and count their reasons there.

        ``loaded`` says that the row went in without the value that the reason names.
        """
        if rows.is_empty():
            return
        report.reasons.update(dict(rows["reason"].value_counts().iter_rows()))
        lines = rows.select(
            pl.lit(report.file).alias("file"), "line", "reason", pl.lit(loaded, dtype=pl.Boolean).alias("loaded"), "raw"
        )
        with self._path.open("ab") as out:
            lines.write_ndjson(out)


@contextmanager
def opened(home: Path, *, dry: bool = False) -> Iterator[tuple[Quarantine, Path]]:
    """A quarantine and the path it will have under ``home/quarantine`` when the block ends well.

    Without a single bad row, or when ``dry``, no file is left.
    """
    if dry:
        with tempfile.TemporaryDirectory() as folder:
            yield Quarantine(Path(folder) / "quarantine.jsonl"), Path(folder) / "none"
        return
    path = home / "quarantine" / f"import-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
    with aside.file(path) as fresh:
        fresh.touch()
        yield Quarantine(fresh), path
    if path.stat().st_size == 0:
        path.unlink()
