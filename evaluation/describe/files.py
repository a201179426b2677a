"""The sections of a report on the files themselves: previews, types, values, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from evaluation.describe import pictures
from evaluation.describe.pages import Section, Table, moment, number
from graph import schema
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables

__all__ = ["QUARTILES", "TIMES", "files", "missing"]

QUARTILES: Final = ("smallest", "25 %", "median", "75 %", "largest")
_CELL: Final = 40
_FIRST: Final = 3
TIMES: Final = (
    *("at", "since", "firstAt", "lastAt"),
    *schema.USER_TIMES,
    *schema.KEAK_TIMES,
    *schema.BEAT_TIMES,
    *schema.SESSION_TIMES,
)
"""Columns in ms since 1970, shown as dates."""


def files(tables: Tables, read: ImportReport, beside: Mapping[str, pl.DataFrame] | None = None) -> Section:
    """What an import makes of each file, their first rows, and the values of each table.

    ``beside``: files that no import takes, by their names.
    """
    section = Section("Files, types and values")
    counts = ("rows", "loaded", "folded into others", "quarantined", "of unknown people or contents", "values left out")
    section.parts.append(
        Table(
            "What an import makes of each file",
            ("file", *counts, "unknown times"),
            [
                (
                    f.file,
                    *(f"{n:,}" for n in (f.read, f.loaded, f.merged, f.quarantined, f.dangling, f.noted, f.untimed)),
                )
                for f in read.files
            ],
        )
    )
    if read.ignored:
        section.parts.append(f"Not read: {', '.join(read.ignored)}.")
    for file in read.files:
        if file.columns:
            first = [
                [row[place] if place < len(row) else "" for row in file.preview] for place in range(len(file.columns))
            ]
            preview = [
                (column.title, column.ours or "ignored", " · ".join(cell[:_CELL] for cell in cells))
                for column, cells in zip(file.columns, first, strict=True)
            ]
            section.parts.append(Table(file.file, ("column", "taken for", "first rows"), preview, (0, 1, 2)))
    bare = []
    for label, frame in [*tables.nodes.items(), *tables.edges.items()]:
        if not frame.height:
            continue
        if frame.columns == ["source", "target"]:
            bare.append(f"{label}: {frame.height:,}")
        else:
            section.parts.append(_described(label, frame))
    if bare:
        section.parts.append(f"Relationships without properties: {', '.join(bare)}.")
    for name, frame in (beside or {}).items():
        begins = [
            (column, " · ".join(str(cell)[:_CELL] for cell in frame[column].head(_FIRST))) for column in frame.columns
        ]
        section.parts.append(Table(f"{name}: first rows", ("column", "first rows"), begins, (0, 1)))
        section.parts.append(_described(name, frame))
    return section


def _described(label: str, frame: pl.DataFrame) -> Table:
    """Type, known values, mean, spread and quartiles of each column."""
    rows = []
    for name, dtype in frame.schema.items():
        if name in ("source", "target", "row"):
            continue
        known = frame[name].drop_nulls()
        if dtype == pl.Int64 and name in TIMES and len(known):
            cells = ["", "", *(moment(known.quantile(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0))]
        elif dtype.is_numeric() and len(known):
            values = known.cast(pl.Float64).to_numpy()
            cells = [*map(number, (values.mean(), values.std(), *np.quantile(values, [0, 0.25, 0.5, 0.75, 1])))]
        elif dtype == pl.Boolean and len(known):
            cells = [number(float(known.to_numpy().mean())), *[""] * 6]
        else:
            different = f"{known.n_unique():,} different" if len(known) and not dtype.is_nested() else ""
            cells = ["", "", different, *[""] * 4]
        rows.append((name, str(dtype), f"{len(known):,}", *cells))
    header = ("column", "type", "known", "mean", "deviation", *QUARTILES)
    return Table(f"{label}: {frame.height:,}", header, rows, (0, 1))


def missing(tables: Tables, read: ImportReport, beside: Mapping[str, pl.DataFrame] | None = None) -> Section:
    """Which columns have gaps, and which rows or values an import leaves out; ``beside`` as in `files`."""
    section = Section("Missing values")
    found = [
        (f"{label}.{name}", frame[name].null_count(), frame.height)
        for label, frame in [*tables.nodes.items(), *tables.edges.items(), *(beside or {}).items()]
        for name in frame.columns
        if frame[name].null_count()
    ]
    found.sort(key=lambda one: -one[1] / one[2])
    if found:
        names, shares = [one[0] for one in found], [one[1] / one[2] for one in found]
        section.parts.append(pictures.bars("missing", "Share of missing values by column", names[:30], shares[:30]))
        rows = [(name, f"{count:,}", f"{100 * count / of:.1f} %") for name, count, of in found]
        section.parts.append(Table("Columns with missing values", ("column", "missing", "share"), rows))
    else:
        section.parts.append("No column has missing values.")
    reasons = [(f.file, why, f"{count:,}") for f in read.files for why, count in f.reasons.most_common(10)]
    if reasons:
        section.parts.append(Table("What was left out, and why", ("file", "reason", "rows"), reasons, (0, 1)))
    return section
