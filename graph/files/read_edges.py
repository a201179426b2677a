"""Check the rows of followers and audiences files: codes of both ends and checked values out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.files.canonical import NOTHING, checked
from graph.files.column_names import AUDIENCES, FOLLOWERS
from graph.files.folder import ahead
from graph.files.ids import Codes, Contents, Ends, Users
from graph.files.options import Options
from graph.files.quarantine import FileReport, Quarantine
from graph.files.rows import Rows, rows
from graph.files.scale import NOISE, Census, Scale
from graph.files.times import milliseconds
from graph.progress import Progress

__all__ = ["read_audiences", "read_follows"]

Floats = npt.NDArray[np.float32]

_TRUE: Final = ("true", "1", "1.0", "t", "yes", "y")
_FALSE: Final = ("false", "0", "0.0", "f", "no", "n")
_FLAGS: Final = ("liked", "commented", "shared")
_LATE_SECONDS: Final = 1.0
"""Seconds by which a watch may be longer than its content, since durations are rounded."""


class _Check:
    """Collects what is wrong with the rows of one chunk; the first fault of a row counts."""

    def __init__(self, given: Rows) -> None:
        self.rows = given
        self._faults: list[pl.DataFrame] = []
        self.bad = np.zeros(given.frame.height, dtype=bool)
        for found, why in given.faults:
            self.fault(found, why)

    def fault(self, found: npt.NDArray[np.int64], reason: str | pl.Series, *, dangling: bool = False) -> None:
        if len(found):
            text = reason if isinstance(reason, pl.Series) else pl.lit(reason)
            column = pl.Series("row", found, dtype=pl.Int64).to_frame()
            self._faults.append(
                column.with_columns(text.alias("reason"), pl.lit(dangling, dtype=pl.Boolean).alias("dangling"))
            )
            self.bad[found] = True

    def faults(self) -> pl.DataFrame:
        if not self._faults:
            return pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "dangling": pl.Boolean})
        return pl.concat(self._faults).unique("row", keep="first", maintain_order=True).sort("row")

    def ids(self, column: str, ends: Ends) -> tuple[pl.Series, Codes]:
        """The ids in their one spelling and the codes of those that have one already; faults of what is no id."""
        raw = self.rows.frame[column]
        codes = ends.codes(raw)
        new = np.flatnonzero(codes < 0)
        if not len(new):
            return raw, codes
        ids, why = checked(column, raw.gather(new), ends.prefixes)
        wrong = why.is_not_null().to_numpy()
        self.fault(new[wrong], why.filter(pl.Series(wrong)))
        raw = raw.scatter(new, ids)
        codes[new] = np.where(wrong, -1, ends.codes(ids))
        return raw, codes

    def settle(self, *sides: tuple[str, pl.Series, Codes, Ends]) -> None:
        """Give codes to the ids of good rows that have none; a row with an id that may not be added is dangling.

        Both ends are looked at before either is added, so that a refused row leaves nothing behind.
        """
        for column, ids, codes, ends in sides:
            new = np.flatnonzero((codes < 0) & ~self.bad)
            if len(new):
                lost = new[~ends.takes(ids.gather(new))]
                self.fault(lost, f"{column}: no such {ends.what}", dangling=True)
        for _, ids, codes, ends in sides:
            new = np.flatnonzero((codes < 0) & ~self.bad)
            if len(new):
                ends.add(ids.gather(new))
                codes[new] = ends.codes(ids.gather(new))

    def times(self, column: str, report: FileReport) -> pl.Series:
        raw = self.rows.frame[column]
        at, unread, doubtful = milliseconds(raw)
        self._unless_nothing(raw, unread, f"{column} is not a time")
        report.untimed += int(doubtful.sum())
        return at

    def share(self, column: str, most: pl.Series | float, reason: str) -> pl.Series:
        """Numbers from 0 to ``most``, null where unknown; ``reason`` is said of what lies outside."""
        raw = self.rows.frame[column]
        values = raw.cast(pl.Float32, strict=False)
        self._unless_nothing(raw, values.is_null() & raw.is_not_null(), f"{column} is not a number")
        values = values.fill_nan(None)
        self.fault(np.flatnonzero(((values < 0) | (values > most)).fill_null(value=False)), reason)
        return values

    def flag(self, column: str) -> pl.Series:
        raw = self.rows.frame[column]
        if raw.null_count() == len(raw):
            return raw.cast(pl.Boolean)
        lower = raw.str.to_lowercase()
        values = pl.select(
            pl.when(lower.is_in(_TRUE)).then(statement=True).when(lower.is_in(_FALSE)).then(statement=False)
        ).to_series()
        self._unless_nothing(raw, values.is_null() & raw.is_not_null(), f"{column} is neither true nor false")
        return values

    def _unless_nothing(self, raw: pl.Series, mask: pl.Series, reason: str) -> None:
        found = np.flatnonzero(mask)
        if len(found):
            text = raw.gather(found).cast(pl.String).str.strip_chars().str.to_lowercase()
            self.fault(found[~text.is_in(NOTHING).to_numpy()], reason)

    def good(
        self, report: FileReport, quarantine: Quarantine, columns: Mapping[str, Codes | pl.Series]
    ) -> pl.DataFrame:
        """The rows without a fault; the others go to quarantine and both are counted."""
        frame = pl.DataFrame(columns)
        report.read += frame.height
        faults = self.faults()
        if faults.is_empty():
            return frame
        report.dangling += int(faults["dangling"].sum())
        report.quarantined += int((~faults["dangling"]).sum())
        lines = pl.Series("line", self.rows.lines[faults["row"].to_numpy()])
        quarantine.add(report, faults.with_columns(lines, self.rows.raw(faults["row"]).alias("raw")))
        return frame.filter(~pl.Series(self.bad))


def read_follows(
    path: Path,
    users: Users,
    report: FileReport,
    quarantine: Quarantine,
    options: Options,
    progress: Progress | None = None,
    *,
    pairs: bool = False,
) -> pl.DataFrame:
    """Columns source and target (codes) and since (ms, null where unknown), one row a good row of the file.

    ``pairs``: without a header only the first two columns count.
    """
    positions = schema.FOLLOWER_COLUMNS[: 2 if pairs else 3]
    parts = [pl.DataFrame(schema={"source": pl.Int32, "target": pl.Int32, "since": pl.Int64})]
    for chunk in ahead(rows(path, FOLLOWERS, positions, report, options, progress)):
        check = _Check(chunk)
        source, source_codes = check.ids("follower", users)
        target, target_codes = check.ids("followed", users)
        same = (source.str.strip_prefix(schema.USER_PREFIX) == target.str.strip_prefix(schema.USER_PREFIX)).fill_null(
            value=False
        )
        check.fault(np.flatnonzero(same), "follows itself")
        since = check.times("timestamp", report)
        check.settle(("follower", source, source_codes, users), ("followed", target, target_codes, users))
        parts.append(check.good(report, quarantine, {"source": source_codes, "target": target_codes, "since": since}))
    return pl.concat(parts)


def read_audiences(
    path: Path,
    users: Users,
    contents: Contents,
    report: FileReport,
    quarantine: Quarantine,
    options: Options,
    progress: Progress | None = None,
    *,
    durations: Floats | None = None,
    pairs: bool = False,
) -> tuple[pl.DataFrame, Census]:
    """Columns source and target (codes), at (ms), progress, liked, commented and shared, nulls where unknown.

    Progress is as in the file, but seconds, where asked for, are divided by the content's duration. ``durations``
    (seconds, by code, NaN where unknown). The census counts what progress holds.
    """
    positions = schema.AUDIENCE_COLUMNS[: 2 if pairs else len(schema.AUDIENCE_COLUMNS)]
    flags = dict.fromkeys(_FLAGS, pl.Boolean)
    types = {"source": pl.Int32, "target": pl.Int32, "at": pl.Int64, "progress": pl.Float32, **flags}
    parts, census = [pl.DataFrame(schema=types)], Census()
    for chunk in ahead(rows(path, AUDIENCES, positions, report, options, progress)):
        check = _Check(chunk)
        source, source_codes = check.ids("userId", users)
        target, target_codes = check.ids("contentId", contents)
        values: dict[str, Codes | pl.Series] = {
            "at": check.times("timestamp", report),
            "progress": _progress(check, target_codes, census, options.progress, durations),
            **{name: check.flag(name) for name in _FLAGS},
        }
        check.settle(("userId", source, source_codes, users), ("contentId", target, target_codes, contents))
        parts.append(check.good(report, quarantine, {"source": source_codes, "target": target_codes, **values}))
    return pl.concat(parts), census


def _progress(check: _Check, target: Codes, census: Census, asked: Scale | None, durations: Floats | None) -> pl.Series:
    raw = check.rows.frame["progress"]
    if raw.null_count() == len(raw):
        return raw.cast(pl.Float32)
    seconds = None
    if durations is not None:
        there = (target >= 0) & (target < len(durations))
        seconds = np.where(there, durations[np.where(there, target, 0)], np.nan).astype(np.float32)
    if asked != "seconds":
        most = 1.0 + NOISE if asked == "fraction" else 100.0
        values = check.share("progress", most, f"progress is outside 0..{most:g}")
        census.add(values.fill_null(np.nan).to_numpy(), seconds)
        return values
    known = pl.Series(np.full(len(raw), np.nan) if seconds is None else seconds, dtype=pl.Float32).fill_nan(None)
    values = check.share("progress", known + _LATE_SECONDS, "progress is outside the seconds of the content")
    lost = ((values > 0) & known.is_null()).fill_null(value=False)
    check.fault(np.flatnonzero(lost), "progress is in seconds, and the content's duration is not known")
    census.add(values.fill_null(np.nan).to_numpy(), seconds)
    share = pl.when(values == 0).then(0.0).otherwise((values / known).clip(0.0, 1.0))
    return pl.select(share).to_series().cast(pl.Float32)
