"""Read and check followers and audiences files: text or Parquet in, codes of both ends and checked values out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.errors import InputError
from graph.files.folder import Progress, ahead, is_parquet, line_chunks, parquet_batches
from graph.files.ids import Codes, Contents, Ends, Users
from graph.files.quarantine import FileReport, Quarantine
from graph.files.scale import Census, Scale
from graph.files.times import milliseconds

Floats = npt.NDArray[np.float32]

__all__ = ["NOTHING", "read_audiences", "read_follows"]

_CHUNK: Final = 64 << 20
_EXTRA: Final = "__extra"
_LATE_SECONDS: Final = 1.0
"""By how much a watch may be longer than its content: durations are rounded."""
_DELIMITERS: Final = (",", ";", "\t", "|")
NOTHING: Final = ("", "null", "none", "nan", "na", "n/a", "undefined", "\\n")
"""Spellings of a missing value, in lower case."""
_TRUE: Final = ["true", "True", "TRUE", "1", "1.0", "t", "yes", "Yes"]
_FALSE: Final = ["false", "False", "FALSE", "0", "0.0", "f", "no", "No"]

_TIME_NAMES: Final = {"timestamp", "date", "datetime", "time", "at", "since", "createdat"}
_FOLLOWER_NAMES: Final[dict[str, set[str]]] = {
    "follower": {"follower", "followerid", "user", "userid", "from", "source"},
    "followed": {"followed", "followedid", "following", "followingid", "friend", "friendid", "to", "target"},
    "timestamp": _TIME_NAMES,
}
_AUDIENCE_NAMES: Final[dict[str, set[str]]] = {
    "userId": {"user", "userid", "from", "source"},
    "contentId": {"content", "contentid", "keak", "keakid", "beat", "beatid", "item", "itemid", "to", "target"},
    "timestamp": _TIME_NAMES,
    "progress": {"progress", "viewprogress"},
    "liked": {"liked", "like", "isliked"},
    "commented": {"commented", "comment", "iscommented"},
    "shared": {"shared", "share", "isshared"},
}


@dataclass(frozen=True)
class _Rows:
    """Rows as text, one frame column each; ``line`` numbers the first, ``data`` is where they came from."""

    frame: pl.DataFrame
    line: int
    data: bytes | pl.DataFrame

    def raw(self, rows: pl.Series) -> pl.Series:
        """The given rows as they stand in the file."""
        if isinstance(self.data, pl.DataFrame):
            return self.data[rows.to_numpy()].select(pl.struct(pl.all()).struct.json_encode()).to_series()
        lines = self.data.split(b"\n")
        return pl.Series([lines[row].decode(errors="replace").strip() for row in rows], dtype=pl.String)


class _Check:
    """Collects what is wrong with the rows of one chunk; the first fault of a row counts."""

    def __init__(self) -> None:
        self._faults: list[pl.DataFrame] = []

    def fault(
        self, rows: npt.NDArray[np.int64], reason: str | pl.Series, *, dangling: bool | pl.Series = False
    ) -> None:
        if len(rows):
            column = pl.Series("row", rows, dtype=pl.Int64).to_frame()
            text = reason if isinstance(reason, pl.Series) else pl.lit(reason)
            lost = dangling if isinstance(dangling, pl.Series) else pl.lit(dangling, dtype=pl.Boolean)
            self._faults.append(column.with_columns(text.alias("reason"), lost.alias("dangling")))

    def faults(self) -> pl.DataFrame:
        if not self._faults:
            return pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "dangling": pl.Boolean})
        return pl.concat(self._faults).unique("row", keep="first", maintain_order=True).sort("row")

    def codes(self, column: str, raw: pl.Series, ends: Ends) -> Codes:
        """Look ids up; those without a code are added where the map grows, else a fault."""
        codes = ends.codes(raw)
        rows = np.flatnonzero(codes < 0)
        if not len(rows):
            return codes
        ids = raw.gather(rows)
        wrong = _wrong_id(column, ids, ends.prefixes)
        ends.add(ids.filter(wrong.is_null()))
        codes[rows] = ends.codes(ids)
        missing = codes[rows] < 0
        rows, ids, wrong = rows[missing], ids.filter(missing), wrong.filter(missing)
        self.fault(rows, wrong.fill_null(f"{column}: no such {ends.what}"), dangling=wrong.is_null())
        return codes

    def times(self, column: str, raw: pl.Series) -> pl.Series:
        values, unread = milliseconds(raw)
        self._unless_nothing(raw, unread, f"{column} is not a time")
        return values

    def share(self, column: str, raw: pl.Series, most: pl.Series | float, reason: str) -> pl.Series:
        """Numbers from 0 to ``most``, null where unknown; ``reason`` is said of what lies outside."""
        values = raw.cast(pl.Float32, strict=False)
        self._unless_nothing(raw, values.is_null() & raw.is_not_null(), f"{column} is not a number")
        values = values.fill_nan(None)
        self.fault(np.flatnonzero(((values < 0) | (values > most)).fill_null(value=False)), reason)
        return values

    def flag(self, column: str, raw: pl.Series) -> pl.Series:
        true, false = raw.is_in(_TRUE), raw.is_in(_FALSE)
        values = pl.select(pl.when(true).then(True).when(false).then(False)).to_series()
        self._unless_nothing(raw, values.is_null() & raw.is_not_null(), f"{column} is neither true nor false")
        return values

    def _unless_nothing(self, raw: pl.Series, mask: pl.Series, reason: str) -> None:
        rows = np.flatnonzero(mask)
        if len(rows):
            self.fault(rows[~raw.gather(rows).str.to_lowercase().is_in(NOTHING).to_numpy()], reason)


def _wrong_id(column: str, ids: pl.Series, prefixes: tuple[str, ...]) -> pl.Series:
    """Why each text cannot be an id; null where it can."""
    t, bare = pl.col("t"), pl.col("t")
    for prefix in prefixes:
        bare = bare.str.strip_prefix(prefix)
    expected = " or ".join(prefixes)
    return (
        ids.to_frame("t")
        .select(
            pl.when(t.is_null() | bare.str.to_lowercase().is_in(NOTHING))
            .then(pl.lit(f"{column} is missing"))
            .when(bare.str.contains("/", literal=True))
            .then(pl.lit(f"{column} has a wrong prefix, expected {expected}"))
        )
        .to_series()
    )


def read_follows(
    path: Path,
    users: Users,
    report: FileReport,
    quarantine: Quarantine,
    progress: Progress | None = None,
    *,
    pairs: bool = False,
) -> pl.DataFrame:
    """Columns source and target (codes) and since (ms, null where unknown), one row a good row of the file.

    ``pairs``: the file holds any two columns of ids.
    """
    parts = []
    for rows in ahead(_rows(path, _FOLLOWER_NAMES, progress, pairs=pairs)):
        frame, check = rows.frame, _Check()
        source = check.codes("follower", frame["follower"], users)
        target = check.codes("followed", frame["followed"], users)
        check.fault(np.flatnonzero((source == target) & (source >= 0)), "follows itself")
        since = check.times("timestamp", frame["timestamp"])
        parts.append(_good(rows, check, report, quarantine, {"source": source, "target": target, "since": since}))
    return _concat(parts, {"source": pl.Int32, "target": pl.Int32, "since": pl.Int64})


def read_audiences(
    path: Path,
    users: Users,
    contents: Contents,
    report: FileReport,
    quarantine: Quarantine,
    progress: Progress | None = None,
    *,
    asked: Scale | None = None,
    durations: Floats | None = None,
    pairs: bool = False,
) -> tuple[pl.DataFrame, Census]:
    """Columns source and target (codes), at (ms), progress, liked, commented and shared, nulls where unknown.

    Progress is as in the file, but seconds, where ``asked`` for, are divided by the content's duration. ``durations``
    (seconds, by code, NaN where unknown). The census counts what progress holds.
    """
    parts, census = [], Census()
    for rows in ahead(_rows(path, _AUDIENCE_NAMES, progress, pairs=pairs)):
        frame, check = rows.frame, _Check()
        target = check.codes("contentId", frame["contentId"], contents)
        columns: dict[str, Codes | pl.Series] = {
            "source": check.codes("userId", frame["userId"], users),
            "target": target,
            "at": check.times("timestamp", frame["timestamp"]),
            "progress": _progress(check, frame["progress"], target, census, asked, durations),
            **{name: check.flag(name, frame[name]) for name in ("liked", "commented", "shared")},
        }
        parts.append(_good(rows, check, report, quarantine, columns))
    flags = dict.fromkeys(("liked", "commented", "shared"), pl.Boolean)
    columns_ = {"source": pl.Int32, "target": pl.Int32, "at": pl.Int64, "progress": pl.Float32, **flags}
    return _concat(parts, columns_), census


def _progress(
    check: _Check, raw: pl.Series, target: Codes, census: Census, asked: Scale | None, durations: Floats | None
) -> pl.Series:
    if raw.null_count() == len(raw):
        return raw.cast(pl.Float32)
    seconds = None
    if durations is not None:
        seconds = np.where(
            (target >= 0) & (target < len(durations)), durations[np.clip(target, 0, len(durations) - 1)], np.nan
        )
    if asked != "seconds":
        most = 1.0 if asked == "fraction" else 100.0
        values = check.share("progress", raw, most, f"progress is outside 0..{most:g}")
        census.add(raw.cast(pl.Float32, strict=False).fill_null(np.nan).to_numpy(), seconds)
        return values
    known = pl.Series(np.full(len(raw), np.nan) if seconds is None else seconds, dtype=pl.Float32).fill_nan(None)
    values = check.share("progress", raw, known + _LATE_SECONDS, "progress is outside the seconds of the content")
    lost = ((values > 0) & known.is_null()).fill_null(value=False)
    check.fault(np.flatnonzero(lost), "progress is in seconds, and the content's duration is not known")
    census.add(values.fill_null(np.nan).to_numpy(), seconds)
    return (
        pl.select(pl.when(values == 0).then(0.0).otherwise((values / known).clip(0.0, 1.0)))
        .to_series()
        .cast(pl.Float32)
    )


def _concat(parts: list[pl.DataFrame], columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=dict(columns)), *parts])


def _good(
    rows: _Rows, check: _Check, report: FileReport, quarantine: Quarantine, columns: dict[str, Codes | pl.Series]
) -> pl.DataFrame:
    """The rows without a fault; the others go to quarantine and both are counted."""
    frame = pl.DataFrame(columns)
    if _EXTRA in rows.frame.columns:
        check.fault(np.flatnonzero(rows.frame[_EXTRA].is_not_null()), "more fields than columns")
    faults = check.faults()
    if faults.is_empty():
        report.read += frame.height
        return frame
    faults = faults.with_columns(rows.raw(faults["row"]).alias("raw"))
    keep = np.ones(frame.height, dtype=bool)
    keep[faults["row"].to_numpy()] = False
    blank = faults["raw"] == ""
    report.read += frame.height - int(blank.sum())
    faults = faults.filter(~blank)
    report.dangling += int(faults["dangling"].sum())
    report.quarantined += int((~faults["dangling"]).sum())
    quarantine.add(report.file, faults.with_columns((pl.col("row") + rows.line).alias("line")))
    return frame.filter(keep)


def _rows(path: Path, names: dict[str, set[str]], progress: Progress | None, *, pairs: bool) -> Iterator[_Rows]:
    """``pairs``: without a header only the first two columns count, and any white space may part them."""
    positions = [*names][:2] + [f"__ignored{place}" for place in range(2, 8)] if pairs else [*names]
    if is_parquet(path):
        for first, batch in parquet_batches(path, progress):
            columns = _columns(path, batch.columns, names, positions, pairs=pairs) or positions
            frame = batch.rename(dict(zip(batch.columns, columns, strict=False)))
            yield _Rows(_as_text(frame.select(c for c in frame.columns if c in names), names), first, batch)
        return
    columns, delimiter = positions, ","
    for lines in line_chunks(path, _CHUNK, progress):
        data, line = lines.data, lines.first
        if line == 1:
            opening = [row.decode(errors="replace").strip() for row in data[: 1 << 16].split(b"\n")[:2]]
            delimiter = max((*_DELIMITERS, " ") if pairs else _DELIMITERS, key=opening[0].count)
            header = _columns(path, opening[0].split(delimiter), names, positions, pairs=pairs)
            if header or (pairs and _titles(opening, delimiter)):
                columns = header or positions
                data, line = data[data.find(b"\n") + 1 or len(data) :], 2
        if not data:
            continue
        frame = pl.read_csv(
            re.sub(rb" +", b" ", data) if delimiter == " " else data,
            has_header=False,
            separator=delimiter,
            schema=dict.fromkeys((*columns, _EXTRA), pl.String),
            missing_columns="insert",
            truncate_ragged_lines=True,
            quote_char=None,  # a stray quote would swallow the lines after it
            encoding="utf8-lossy",
        )
        if any(mark in data for mark in (b'"', b" ", b"\r", b"\t")):
            text = pl.all().str.strip_chars(" \"'\t\r")
            frame = frame.select(pl.when(text != "").then(text).name.keep())
        yield _Rows(_as_text(frame, names), line, data)


def _titles(opening: list[str], delimiter: str) -> bool:
    """Whether the first line names columns that we do not know: words over numbers."""
    numeric = [all(field.strip().isdigit() for field in row.split(delimiter)[:2]) for row in opening]
    return numeric == [False, True]


def _as_text(frame: pl.DataFrame, names: Mapping[str, object]) -> pl.DataFrame:
    """Every wanted column as text, null where the file has none; times keep their own type."""
    for name, dtype in frame.schema.items():
        if dtype.is_float() and name in ("userId", "contentId", "follower", "followed"):
            frame = frame.with_columns(pl.col(name).cast(pl.Int64))  # pandas turns ids with gaps into floats
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in names if name not in frame.columns]
    text = pl.all() if "timestamp" not in frame.columns else pl.exclude("timestamp")
    return frame.with_columns(text.cast(pl.String), *missing)


def _columns(
    path: Path, fields: list[str], names: dict[str, set[str]], positions: list[str], *, pairs: bool
) -> list[str] | None:
    """Our column names for a header's, ``__ignored…`` for unknown ones; None when it is no header."""
    plain = [field.strip(" \"'\r").lower().replace("_", "").replace(" ", "") for field in fields]
    known = {alias: name for name, aliases in names.items() for alias in aliases}
    if not any(field in known for field in plain):
        return None
    columns: list[str] = []
    for place, field in enumerate(plain):
        name = known.get(field)
        columns.append(name if name and name not in columns else f"__ignored{place}")
    if missing := [name for name in [*names][:2] if name not in columns]:
        if pairs:
            return positions
        raise InputError(
            f"{path} has no column {' or '.join(missing)}: its header reads {', '.join(fields)}.",
            do=f"Name the columns {', '.join(names)}; only the first two are needed.",
        )
    return columns
