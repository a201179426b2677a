"""Lines of a player's log as sessions: where each begins and ends, and which choice led to which play.

A session goes from one ``last`` of its user to the next. Lines that are not loaded take part in this, as far as their
user, time and message can be read: they keep their place, and a ``last`` among them ends its session.
"""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

from graph.files.quarantine import FileReport

__all__ = ["PLAYS", "digests", "each_once", "sessions_of"]

PLAYS: Final[dict[str, pl.DataType]] = {
    "message": pl.String(),
    "at": pl.Int64(),
    "user": pl.Int64(),
    "track": pl.Int64(),
    "share": pl.Float32(),
    "latency": pl.Float64(),
    "recommendation": pl.Int64(),
    "arm": pl.String(),
    "propensity": pl.Float32(),
}
"""Columns of lines. ``share`` is null for a line that is not loaded, whose other values may be null too, but for the
first three."""


def sessions_of(lines: pl.DataFrame) -> pl.DataFrame:
    """The plays that are loaded, by user and time, those of the same time as they stood, with their sessions.

    Added columns: session (text, ``user/first time``, with ``/2`` for another that began at the same time), began (its
    first time), ended (its last time, null without ``last``), place (from 0, counting lines that are not loaded),
    chosen_by and chosen_with (arm and propensity of the line before, where that chose this track; null for a first
    play).
    """
    lines = lines.sort("user", "at", maintain_order=True)
    opens = (pl.col("message").shift(1) == "last") | (pl.col("user") != pl.col("user").shift(1))
    lines = lines.with_columns(opens.fill_null(value=True).cum_sum().alias("number"))
    within = pl.col("recommendation").shift(1).over("number") == pl.col("track")
    lines = lines.with_columns(pl.col("at").first().over("number").alias("began"))
    which = (pl.col("number") - pl.col("number").first().over("user", "began") + 1).cast(pl.String)
    again = pl.col("number") > pl.col("number").first().over("user", "began")
    return (
        lines.with_columns(
            (
                pl.col("user").cast(pl.String)
                + "/"
                + pl.col("began").cast(pl.String)
                + pl.when(again).then("/" + which).otherwise(pl.lit(""))
            ).alias("session"),
            pl.int_range(pl.len(), dtype=pl.Int32).over("number").alias("place"),
            pl.when(pl.col("message") == "last").then(pl.col("at")).max().over("number").alias("ended"),
            pl.when(within).then(pl.col("arm").shift(1).over("number")).alias("chosen_by"),
            pl.when(within).then(pl.col("propensity").shift(1).over("number")).alias("chosen_with"),
        )
        .filter(pl.col("share").is_not_null())
        .drop("number")
    )


def each_once(frames: list[pl.DataFrame], reports: list[FileReport]) -> pl.DataFrame:
    """All lines; one that stands twice, in one file or in two, counts once and as merged."""
    if not frames:
        return pl.DataFrame(schema=PLAYS)
    files = [frame.with_columns(pl.lit(file).alias("file")) for file, frame in enumerate(frames)]
    lines = pl.concat(files).unique(subset=[*PLAYS], keep="first", maintain_order=True)
    kept = lines.filter(pl.col("share").is_not_null())["file"]
    for file, (frame, report) in enumerate(zip(frames, reports, strict=True)):
        report.merged = frame["share"].len() - frame["share"].null_count() - int((kept == file).sum())
        report.loaded -= report.merged
    return lines.drop("file")


def digests(plays: pl.DataFrame) -> pl.DataFrame:
    """A hash of the plays of each session: tells the graph whether it holds the same. Columns session, digest."""
    told = ("place", "track", "share", "at", "chosen_by", "chosen_with")
    texts = plays.sort("session", "place").select(
        "session",
        pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in told], separator="/").alias("text"),
    )
    sessions = texts.group_by("session", maintain_order=True).agg(pl.col("text").str.join("\n"))
    hashes = [hashlib.sha256(f"{one}\n{text}".encode()).hexdigest()[:32] for one, text in sessions.iter_rows()]
    return sessions.select("session", pl.Series("digest", hashes, dtype=pl.String))
