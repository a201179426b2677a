"""Times as files give them, to whole milliseconds since 1970."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from graph import clock

__all__ = ["FIRST", "LEAD", "Times", "milliseconds"]

FIRST: Final = 631_152_000_000
"""1990: what is earlier is an unknown time."""
LEAD: Final = 3_600_000
"""Milliseconds by which a time may be ahead of the clock."""

_GENERAL: Final = (
    r"^\s*(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?<fraction>\d+))?)?"
    r"\s*(?:Z|z|UTC|GMT|(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2})?)?\s*$"
)
_NUMBER: Final = r"^\s*[+-]?\d+(?:\.\d*)?(?:[eE][+]?\d+)?\s*$"
_UNITS: Final = (1_000, 1, 1 / 1_000, 1 / 1_000_000)
"""Milliseconds in a second, a millisecond, a microsecond and a nanosecond."""


class Times(NamedTuple):
    """Three series of the length of the values."""

    at: pl.Series
    """Int64 milliseconds, null where unknown."""
    unread: pl.Series
    """Whether a value was there that is no time."""
    doubtful: pl.Series
    """Whether it is a time, before 1990 or more than an hour from now, and so an unknown one."""


def milliseconds(values: pl.Series, now: int | None = None) -> Times:
    """Parse times given as text, dates, or Unix seconds, milliseconds, microseconds or nanoseconds.

    The unit of a number is the one in which it lies between 1990 and an hour after ``now`` (ms; the clock's). Fractions
    of any length are cut to milliseconds; no zone means UTC.
    """
    last = (clock.now() if now is None else now) + LEAD
    nothing = pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
    if values.null_count() == len(values):
        return Times(values.cast(pl.Int64), nothing, nothing)
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        at, unread = values.dt.epoch("ms"), nothing
    else:
        text = values.cast(pl.String)
        at = _usual(text)
        rest = at.is_null() & text.is_not_null()
        if rest.any():
            at = at.scatter(rest.arg_true(), _others(text.filter(rest), last))
        unread = (at.is_null() & text.is_not_null() & (text.str.strip_chars() != "")).fill_null(value=False)
    doubtful = (~at.is_between(FIRST, last)).fill_null(value=False)
    if doubtful.any():
        at = pl.select(pl.when(~doubtful).then(at)).to_series()
    return Times(at, unread, doubtful)


def _usual(text: pl.Series) -> pl.Series:
    """``2021-03-04T05:06:07.1234567Z`` with or without fraction and Z, the one layout worth a fast way."""
    t = pl.col("t")
    tail = t.str.slice(19).str.strip_suffix("Z")
    fraction = (
        pl.when(tail == "").then(0.0).when(tail.str.contains(r"^\.\d+$")).then(tail.cast(pl.Float64, strict=False))
    )
    whole = t.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms").dt.epoch("ms")
    return (
        text.to_frame("t")
        .lazy()
        .select(whole.alias("whole"), (fraction * 1000 + 1e-6).cast(pl.Int64).alias("fraction"))
        .select((pl.col("whole") + pl.col("fraction")).alias("t"))
        .collect()["t"]
    )


def _others(text: pl.Series, last: int) -> pl.Series:
    """Every other layout, by regular expression."""
    g = pl.col("g").struct.field
    short = pl.when(g("clock").str.len_bytes() == 5).then(g("clock") + ":00").otherwise(g("clock"))
    clock_ = short.fill_null("00:00:00")
    whole = (g("date") + "T" + clock_).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms").dt.epoch("ms")
    fraction = (("0." + g("fraction")).cast(pl.Float64, strict=False) * 1000 + 1e-6).cast(pl.Int64).fill_null(0)
    minutes = g("hours").cast(pl.Int64) * 60 + g("minutes").cast(pl.Int64).fill_null(0)
    offset = pl.when(g("sign") == "-").then(-minutes).otherwise(minutes).fill_null(0) * 60_000
    found = (
        text.to_frame("t")
        .with_columns(pl.col("t").str.extract_groups(_GENERAL).alias("g"))
        .select((whole + fraction - offset).alias("t"))
        .to_series()
    )
    numeric = text.str.contains(_NUMBER) & found.is_null()
    return found.scatter(numeric.arg_true(), _unix(text.filter(numeric), last)) if numeric.any() else found


def _unix(text: pl.Series, last: int) -> pl.Series:
    """Numbers since 1970 in the unit that makes a credible time of them; 0 (1970) where none does."""
    text = text.str.strip_chars()
    exact = text.cast(pl.Int64, strict=False)
    rough = text.cast(pl.Float64, strict=False).fill_null(0.0).to_numpy()
    whole = exact.fill_null(0).to_numpy()
    known = exact.is_not_null().to_numpy()
    found = np.zeros(len(text), dtype=np.int64)
    for unit in _UNITS:
        inside = (rough * unit >= FIRST) & (rough * unit <= last)
        ms = whole * int(unit) if unit >= 1 else whole // round(1 / unit)
        approximate = np.floor(np.where(inside, rough, 0.0) * unit + 1e-6).astype(np.int64)
        found[inside] = np.where(known, ms, approximate)[inside]
    # Eight digits are never credible as a number: 20200131 is a date.
    days = text.str.extract(r"^(\d{8})$").str.to_datetime("%Y%m%d", strict=False, time_unit="ms").dt.epoch("ms")
    return (
        pl.select(days.fill_null(pl.Series(found))).to_series() if days.null_count() < len(days) else pl.Series(found)
    )
