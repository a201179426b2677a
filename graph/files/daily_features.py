"""The fifteen features of a video in the KuaiRec notebook, from ``item_daily_features.csv``, a row a video and day."""

from __future__ import annotations

import warnings
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import polars as pl

from graph.errors import InputError
from graph.files.odd_lines import OPEN, check_columns, header_line, odd_lines
from graph.files.token_lists import unpacked

__all__ = ["COUNTS", "all_days", "daily_counts", "daily_features", "day_of"]

_SHOWN: Final = 3
"""Lines that are named for each reason."""
_LARGEST: Final = 1e15
"""No day comes near it, and its square is still a 32-bit number, which the networks take."""
_CHINA: Final = timezone(timedelta(hours=8))

_KINDS: Final = ("_cnt", "_num", "_duration", "_progress")
"""Endings of the columns that `daily_counts` takes."""
COUNTS: Final = (
    "show_cnt",
    "play_cnt",
    "play_duration",
    "play_progress",
    "complete_play_cnt",
    "valid_play_cnt",
    "long_time_play_cnt",
    "like_cnt",
    "comment_cnt",
    "share_cnt",
)
"""Columns of which a video's mean over its days is taken."""


def daily_features(file: Path, until: date | None = None) -> pl.DataFrame:
    """video_id (sorted), video_duration, the means of `COUNTS`, engagement, completion, like rate and mean watch ratio.

    Every feature is 0 where it is unknown, as in the notebook. ``until``: only days before it count, so that nothing
    later than what is judged leaks in; None takes all days, as the notebook does. The "mean watch ratio" is the
    notebook's: play time over the duration plus 1, which is no ratio for each play.

    Left out is a row with more or fewer fields than the header names, or with a quote that its line does not close; and
    one without a whole number from 0 on as video_id (1.0 is 1) or without a day as YYYYMMDD. A value that is no number
    from 0 on, or above 1e15, counts as unknown: the mean of two days of 1e308 is infinite. A warning names how many,
    and their first lines. Raises InputError for a file without its columns.
    """
    days = _days(file, ["video_duration", *COUNTS])
    if until is not None:
        days = days.filter(pl.col("date") < until)
    columns = pl.col("video_duration", *COUNTS)
    means = days.group_by("video_id").agg(columns.mean()).sort("video_id").with_columns(columns.fill_null(0.0))
    plays = pl.col("play_cnt")
    return means.with_columns(
        (plays / (pl.col("show_cnt") + 1.0)).alias("engagement"),
        (pl.col("complete_play_cnt") / (plays + 1.0)).alias("completion"),
        (pl.col("like_cnt") / (plays + 1.0)).alias("like rate"),
        (pl.col("play_duration") / (pl.col("video_duration") + 1.0)).alias("mean watch ratio"),
    )


def all_days(file: Path) -> pl.DataFrame:
    """The rows of the file with every column, for a report: nothing is left out but values that are no numbers.

    Raises InputError for a file that cannot be read.
    """
    try:
        return pl.read_csv(file, infer_schema_length=None, ignore_errors=True, truncate_ragged_lines=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again.") from error


def daily_counts(file: Path) -> pl.DataFrame:
    """video_id (sorted), means over all days of every count, duration and progress of the file, and the trend of plays.

    The trend is the slope of a video's plays over its days, as a share of their mean. Unknown values are 0, and rows
    and values are left out, as in `daily_features`; it raises what that raises.
    """
    try:
        header, _ = header_line(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again.") from error
    known = ["video_duration", *COUNTS]
    names = known + [name for name in header if name.endswith(_KINDS) and name not in known]
    day, plays = pl.col("date").to_physical().cast(pl.Float64), pl.col("play_cnt")
    day = pl.when(plays.is_not_null()).then(day)
    slope = pl.cov(day, plays) / day.var() / (plays.mean() + 1.0)
    means = _days(file, names).group_by("video_id").agg(pl.col(names).mean(), slope.alias("trend"))
    return means.sort("video_id").with_columns(pl.exclude("video_id").fill_nan(0.0).fill_null(0.0))


def day_of(milliseconds: float) -> date:
    """The day of a time (ms since 1970) in China, as the file counts days."""
    return datetime.fromtimestamp(milliseconds / 1000.0, _CHINA).date()


def _days(file: Path, names: list[str]) -> pl.DataFrame:
    """video_id, date and these columns as numbers of each row that can be used; a warning names the others."""
    wanted = ["video_id", "date", *names]
    texts, odd = _read(file, wanted)
    texts = texts.filter(pl.any_horizontal(pl.col(wanted).is_not_null())).with_columns(
        pl.col("video_id", "date").str.strip_chars().str.replace(r"\.0*$", "")
    )
    id_, day = (pl.col(name) for name in ("video_id", "date"))
    days = texts.with_columns(
        pl.when(id_.str.contains(r"^\d+$")).then(id_).cast(pl.Int64, strict=False),
        pl.when(day.str.contains(r"^\d{8}$")).then(day).str.to_date("%Y%m%d", strict=False),
        *(_number(name) for name in wanted[2:]),
    )
    _warn(file, texts, days, odd)
    return days.drop_nulls(["video_id", "date"])


def _read(file: Path, wanted: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The wanted columns as texts with each row's line, and line and reason of the rows that the header does not fit.

    A blank line is a row of nulls. Raises InputError.
    """
    try:
        header, separator = header_line(file)
        check_columns(file, header, wanted)
        odd = odd_lines(file, separator, len(header), quotes=True)
        odd = odd.select((pl.col("place") + 2).alias("line"), "reason").drop_nulls()
        source: Path | bytes = file
        if len(opened := odd.filter(reason=OPEN)["line"]):  # they would take the rows below into their quotes
            lines = unpacked(file).split(b"\n")
            for line in opened:
                lines[line - 1] = b""
            source = b"\n".join(lines)
        texts = pl.read_csv(
            source,
            separator=separator,
            columns=wanted,
            infer_schema_length=0,
            row_index_name="line",
            row_index_offset=2,
            truncate_ragged_lines=True,
        )
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do=f"Its columns are {', '.join(wanted)}.") from error
    return texts.filter(~pl.col("line").is_in(odd["line"].implode())) if odd.height else texts, odd


def _warn(file: Path, texts: pl.DataFrame, days: pl.DataFrame, odd: pl.DataFrame) -> None:
    """Say which rows and values were there and could not be used."""
    lost = {
        f"rows left out, where {reason}": odd.filter(reason=reason)["line"]
        for reason in odd["reason"].unique(maintain_order=True)
    }
    no_id, no_day = (days[name].is_null() for name in ("video_id", "date"))
    lost["rows left out, whose video_id is no whole number from 0 on"] = texts["line"].filter(no_id)
    lost["rows left out, whose date is no day as YYYYMMDD"] = texts["line"].filter(no_day & ~no_id)
    for name in days.columns[3:]:
        unread = texts.select("line", name).filter(days[name].is_null()).drop_nulls()
        unread = unread.filter(~pl.col(name).str.strip_chars().str.to_lowercase().is_in(["", "nan"]))
        large = (pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) > _LARGEST).fill_null(value=False)
        lost[f"values of {name} that are no number from 0 on and count as unknown"] = unread.filter(~large)["line"]
        lost[f"values of {name} that are above 1e15 and count as unknown"] = unread.filter(large)["line"]
    for reason, lines in lost.items():
        if len(lines):
            first = ", ".join(map(str, lines[:_SHOWN])) + (", …" if len(lines) > _SHOWN else "")
            of = "line" if len(lines) == 1 else "lines"
            # Level 1: features and counts of one file say the same, and a sentence from one place is shown once.
            warnings.warn(f"{file.name}: {reason}: {len(lines):,} ({of} {first}).", stacklevel=1)


def _number(name: str) -> pl.Expr:
    """A number from 0 to `_LARGEST`, else null: one NaN would be the mean of all days."""
    number = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(number.is_between(0, _LARGEST)).then(number).alias(name)
