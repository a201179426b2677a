"""The rows of one matrix of KuaiRec or log of KuaiRand: read, checked, and what cannot be used told with its reason."""

from __future__ import annotations

import io
import math
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from graph import clock
from graph.errors import InputError
from graph.files.odd_lines import HEAD, check_columns, header_line, odd_lines
from graph.files.quarantine import Column, FileReport, Quarantine
from graph.files.records import records
from graph.files.text import PACKED
from graph.files.times import FIRST, LEAD
from graph.files.token_lists import unpacked

__all__ = ["BIG", "RAND", "ROWS", "SMALL", "first_rows", "header_of", "is_kuairec", "plain", "read_matrix", "stem"]

ROWS: Final[dict[str, pl.DataType]] = {
    "user": pl.Int64(),
    "video": pl.Int64(),
    "at": pl.Int64(),
    "ratio": pl.Float32(),
    "seconds": pl.Float32(),
    "liked": pl.Boolean(),
    "commented": pl.Boolean(),
    "shared": pl.Boolean(),
}
"""Columns of `read_matrix`: at in ms and ratio null where unknown; seconds of the video, null where it has none."""
BIG: Final = "big_matrix"
SMALL: Final = "small_matrix"
RAND: Final = ("user_id", "video_id", "time_ms", "play_time_ms", "duration_ms")
_REC: Final = ("user_id", "video_id", "play_duration", "video_duration", "date", "timestamp", "watch_ratio")
_FLAGS: Final = {"liked": ("is_like", "label"), "commented": ("is_comment",), "shared": ("is_forward",)}
_WORDS: Final = {"true": True, "false": False}
_OFF: Final = 0.01
"""Share by which a ratio may differ from play time over duration."""


def read_matrix(file: Path, report: FileReport | None = None, quarantine: Quarantine | None = None) -> pl.DataFrame:
    """The rows of one matrix or log that are whole, in their order; the columns are `ROWS`.

    Refused: ids that are no whole numbers from 0 on, durations below 0 or without an end, a watch_ratio that is not
    play_duration over video_duration, a date that is none, more or fewer fields than the header names. Skipped: blank
    lines. Loaded and counted: rows without a time, or with one before 1990 or after now; rows of videos without a
    duration, which have no ratio; flags that are neither 0 nor a number above. Raises InputError for a file without its
    columns, or that cannot be read to its end.
    """
    report = report or FileReport(file.name)
    try:
        header, separator = header_line(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again.") from error
    rec = _is_rec(file, header)
    flags = {name: next((c for c in columns if c in header), None) for name, columns in _FLAGS.items()}
    wanted = [*(_REC if rec else RAND), *(column for column in flags.values() if column)]
    check_columns(file, header, wanted)
    rows = _read(file, header, separator, wanted, flags).with_row_index("place")
    odd = odd_lines(file, separator, len(header), quotes=False)
    blank = odd.filter(pl.col("reason").is_null())["place"]
    rows = rows.filter(~pl.col("place").is_in(blank.implode())) if len(blank) else rows
    odd = odd.drop_nulls("reason")
    played, duration = (pl.col(name) for name in (_REC[2:4] if rec else RAND[3:5]))
    ratio = pl.when(duration > 0).then(pl.col("watch_ratio") if rec else played / duration)
    checks = {
        reason: ~pl.col("place").is_in(odd.filter(reason=reason)["place"].implode())
        for reason in odd["reason"].unique()
    } | {
        "user_id is no whole number from 0 on": pl.col("user_id") >= 0,
        "video_id is no whole number from 0 on": pl.col("video_id") >= 0,
        "the play time is no number from 0 on": (played >= 0) & played.is_finite(),
        "the duration is no number from 0 on": (duration >= 0) & duration.is_finite(),
    }
    if rec:
        near = (ratio * duration - played).abs() <= _OFF * pl.max_horizontal(played, duration)
        checks["watch_ratio is not play_duration over video_duration"] = (duration <= 0) | near
        days = [text for text in rows["date"].unique() if text is None or _is_day(text)]
        checks["date is no day as YYYYMMDD"] = pl.col("date").is_in(days, nulls_equal=True)
    checks["the ratio is too large for a number"] = ratio.cast(pl.Float32).is_finite() | ~(duration > 0)
    checks["the duration is too large for a number"] = duration.cast(pl.Float32).is_finite()
    milliseconds = 1000.0 * pl.col("timestamp") if rec else pl.col("time_ms")
    rows = rows.with_columns(
        pl.when(milliseconds.is_between(FIRST, clock.now() + LEAD))
        .then(milliseconds)
        .round()
        .cast(pl.Int64)
        .alias("at"),
        pl.coalesce(
            pl.when(~good.fill_null(value=False)).then(pl.lit(reason)) for reason, good in checks.items()
        ).alias("reason"),
    )
    report.columns = [Column(name, name if name in wanted else None) for name in header]
    report.preview = first_rows(file, separator)
    report.read = rows.height
    bad = rows["reason"].is_not_null()
    report.quarantined = int(bad.sum())
    if report.quarantined and quarantine:
        quarantine.add(report, _raw(file, rows["place"].filter(bad).to_numpy(), rows["reason"].drop_nulls()))
    seconds = duration / 1000.0
    whole = rows.filter(~bad) if report.quarantined else rows
    told = {name: whole[column] for name, column in flags.items() if column}
    rows = whole.select(
        pl.col("user_id").alias("user"),
        pl.col("video_id").alias("video"),
        "at",
        ratio.cast(pl.Float32).alias("ratio"),
        pl.when(seconds > 0).then(seconds).cast(pl.Float32).alias("seconds"),
        *(_flag(told[name], name) if name in told else pl.lit(None, pl.Boolean).alias(name) for name in flags),
    )
    report.loaded = rows.height
    report.untimed = rows["at"].null_count()
    lost = {"the video has no duration: loaded without a ratio": rows["ratio"].null_count()}
    for name, texts in told.items():
        unread = rows[name].null_count() - int((texts.fill_null("").str.strip_chars() == "").sum())
        lost[f"{flags[name]} is no 0 or 1: loaded without it"] = unread
    for reason, count in lost.items():
        if count:
            report.noted += count
            report.reasons[reason] += count
    return rows


def _read(
    file: Path, header: list[str], separator: str, wanted: list[str], flags: dict[str, str | None]
) -> pl.DataFrame:
    """The wanted columns; null where a value is no number. A quote is a character like others: no row hides another."""
    numbers = {name: pl.Int64() if name in ("user_id", "video_id") else pl.Float64() for name in wanted}
    texts: dict[str, Any] = dict.fromkeys(["date", *(column for column in flags.values() if column)], pl.String())
    names = [name if name in wanted else f"{place} {name}" for place, name in enumerate(header)]
    types = {name: texts.get(name, numbers.get(name, pl.String())) for name in names}
    try:
        return (
            pl.scan_csv(
                file,
                separator=separator,
                quote_char=None,
                with_column_names=lambda _: names,
                schema_overrides=types,
                ignore_errors=True,
                encoding="utf8-lossy",
                truncate_ragged_lines=True,
            )
            .select(wanted)
            .collect()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again.") from error


def _is_day(text: str) -> bool:
    """Whether it is a day as 20200705, or as a float of it; or nothing."""
    text = text.strip().removesuffix(".0")
    return not text or (len(text) == 8 and text.isdecimal() and pl.Series([text]).str.to_date("%Y%m%d", strict=False)[0]
                        is not None)  # fmt: skip


def _flag(texts: pl.Series, name: str) -> pl.Series:
    """0 and false, or above and true; null for anything else."""
    known = {text: _truth(text) for text in texts.unique() if text is not None}
    return texts.replace_strict(known, return_dtype=pl.Boolean, default=None).alias(name)


def _truth(text: str) -> bool | None:
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        number = float(word)
    except ValueError:
        return None
    return number > 0 if number >= 0 and math.isfinite(number) else None


def plain(file: Path) -> Path:
    """The file's name without .gz or .zst."""
    return Path(file.stem) if file.suffix.lower() in PACKED else Path(file.name)


def stem(file: Path) -> str:
    """The file's name without any ending."""
    return plain(file).stem


def is_kuairec(file: Path) -> bool:
    """Whether it is one of KuaiRec's matrices, by its name or its column of ratios."""
    return _is_rec(file, header_of(file)[0])


def _is_rec(file: Path, header: list[str]) -> bool:
    return stem(file) in (BIG, SMALL) or "watch_ratio" in header


def header_of(file: Path) -> tuple[list[str], str]:
    """The names in the first line, and what separates them; no names where the file is no text."""
    try:
        return header_line(file)
    except (OSError, UnicodeDecodeError):
        return [], ","


def first_rows(file: Path, separator: str) -> list[list[str]]:
    """The first three rows after the header, for the preview."""
    text = unpacked(file, HEAD).decode("utf-8", "replace")
    found, _ = records(text, separator, final=len(text) < HEAD)
    return [row for _, _, row in found[1:4] if row]


def _raw(file: Path, places: np.ndarray[Any, Any], reasons: pl.Series) -> pl.DataFrame:
    """Lines of rows by their place, with their reasons, for the quarantine; the file is not held as a whole."""
    codec = PACKED.get(file.suffix.lower())
    raws = []
    with file.open("rb") as raw:
        lines = io.BufferedReader(pa.CompressedInputStream(raw, codec)) if codec else raw
        at = -1
        for place in (places + 1).tolist():
            raws.append(next(islice(lines, place - at - 1, None)).decode("utf-8", "replace").strip())
            at = place
    return pl.DataFrame({"line": places + 2, "reason": reasons, "raw": raws}, schema_overrides={"line": pl.Int64})
