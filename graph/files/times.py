"""ISO 8601 times as the Keakr files write them, to whole milliseconds since 1970."""

from __future__ import annotations

from typing import Final

import polars as pl

__all__ = ["milliseconds"]

_GENERAL: Final = (
    r"^\s*(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?<fraction>\d+))?)?"
    r"\s*(?:Z|UTC|(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2})?)?\s*$"
)
_UNIX: Final = r"^\s*(\d{10}|\d{13})(?:\.\d+)?\s*$"
_UNKNOWN: Final = "0001-01-01"
"""What a .NET service writes for a time it does not know."""


def milliseconds(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Parse times given as text, dates, or Unix seconds or milliseconds.

    Returns two series of the same length: Int64 milliseconds, null where unknown, and whether a value was there but
    could not be read. Fractions of any length are cut to milliseconds; no zone means UTC.
    """
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        return values.dt.epoch("ms"), pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
    text = values.cast(pl.String)
    usual = _usual(text)
    rest = usual.is_null() & text.is_not_null()
    if rest.any():
        usual = usual.scatter(rest.arg_true(), _others(text.filter(rest)))
    unread = usual.is_null() & text.is_not_null() & ~text.str.starts_with(_UNKNOWN).fill_null(value=False)
    unread &= text.str.strip_chars() != ""
    return usual, unread.fill_null(value=False)


def _usual(text: pl.Series) -> pl.Series:
    """``2021-03-04T05:06:07.1234567Z`` with or without fraction and Z, the one layout worth a fast way."""
    t = pl.col("t")
    tail = t.str.slice(19).str.strip_suffix("Z")
    fraction = pl.when(tail == "").then(0.0).when(tail.str.starts_with(".")).then(tail.cast(pl.Float64, strict=False))
    whole = t.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms").dt.epoch("ms")
    return (
        text.to_frame("t")
        .lazy()
        .select(whole.alias("whole"), (fraction * 1000 + 1e-6).cast(pl.Int64).alias("fraction"))
        .select(pl.when(pl.col("whole") > 0).then(pl.col("whole") + pl.col("fraction")).alias("t"))
        .collect()["t"]
    )


def _others(text: pl.Series) -> pl.Series:
    """Every other layout, by regular expression."""
    g = pl.col("g").struct.field
    short = pl.when(g("clock").str.len_bytes() == 5).then(g("clock") + ":00").otherwise(g("clock"))
    clock = short.fill_null("00:00:00")
    whole = (g("date") + "T" + clock).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms").dt.epoch("ms")
    fraction = (("0." + g("fraction")).cast(pl.Float64, strict=False) * 1000 + 1e-6).cast(pl.Int64).fill_null(0)
    minutes = g("hours").cast(pl.Int64) * 60 + g("minutes").cast(pl.Int64).fill_null(0)
    offset = pl.when(g("sign") == "-").then(-minutes).otherwise(minutes).fill_null(0) * 60_000
    unix = pl.col("t").str.extract(_UNIX).cast(pl.Int64)
    unix = pl.when(unix < 100_000_000_000).then(unix * 1000).otherwise(unix)
    known = ~g("date").str.starts_with(_UNKNOWN)
    return (
        text.to_frame("t")
        .with_columns(pl.col("t").str.extract_groups(_GENERAL).alias("g"))
        .select(pl.coalesce(pl.when(known).then(whole + fraction - offset), unix))
        .to_series()
    )
