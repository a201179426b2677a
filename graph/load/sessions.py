"""What an import of play logs does to sessions that the graph holds already.

A line of a log belongs to one session. Files that lack some of its lines (one of two files of a week, a log that was
still being written, a broken line) make another session of the rest, so a later import with more lines takes its place.
What only plays that are gone said about a person and a track goes with them; what came otherwise stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from graph import schema
from graph.database.driver import Graph
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables
from graph.load import watch

__all__ = ["settle_sessions"]

_USERS: Final = 5_000
"""Users asked for at once."""
_PAIRS: Final = 2_000
"""Pairs of a person and a track that are mended at once."""
_LINE: Final = ("user", "at", "content")
"""The columns that identify a line."""
_NEAR: Final = {
    "user": pl.String,
    "old": pl.String,
    "old_began": pl.Int64,
    "old_ended": pl.Int64,
    "content": pl.String,
    "at": pl.Int64,
    "share": pl.Float64,
}


@dataclass(frozen=True)
class _Beside:
    """Sessions of the graph beside those of the files, by id."""

    replaced: list[str]
    """Sessions of the graph all of whose lines stand in other sessions of the files, which are loaded."""
    parts: list[str]
    """Sessions of the files that are not loaded: the graph has all of their lines, some in sessions with more lines."""
    cut: int
    """Sessions of the files that overlap one of the graph, where each has lines that the other lacks."""
    lost: int
    """Plays of the graph in sessions of the same name as loaded ones, which stand in no session any more, and of
    whose time the files tell nothing else."""
    gone: pl.DataFrame
    """Plays of the graph that the files tell otherwise or not at all; columns `_LINE`."""


def settle_sessions(graph: Graph, tables: Tables, report: ImportReport, *, dry: bool) -> Tables:
    """The tables without sessions of which the graph has more; deletes those of which the files have more.

    A session of the same name is left to the query that loads it, which takes its old plays away. What these and the
    deleted ones alone said about pairs is taken away here, before they are, so that a run that is cut short finds them
    again. What is cut between files, and how many plays are lost by that, is noted in the report.
    """
    sessions = tables.nodes.get(schema.SESSION)
    if sessions is None or sessions.is_empty():
        return tables
    found = _beside(graph, tables, sessions)
    if not dry:
        _take_back(graph, found.gone)
    if found.replaced and not dry:
        graph.batches("load/without_sessions", [found.replaced])
    if found.cut:
        report.notes.append(
            f"{found.cut:,} sessions of these files overlap sessions that the graph holds from other files, and each "
            "has lines that the other lacks: they stand there as two. Import the files of both from one folder; the "
            "whole sessions then take the place of the halves."
        )
    if found.lost:
        of = "1 play" if found.lost == 1 else f"{found.lost:,} plays"
        report.notes.append(
            f"{of} of sessions that these files tell anew stand in none of them, and the graph does not hold them any "
            "more. Import all files of these sessions from one folder, and they are there again."
        )
    if not found.parts:
        return tables
    report.notes.append(
        f"{len(found.parts):,} sessions of these files are parts of longer ones that the graph holds: those stay."
    )
    kept = ~tables.ids[schema.SESSION].is_in(found.parts)
    edges = dict(tables.edges)
    for type_, end in ((schema.OPENED, "target"), (schema.PLAYED, "source")):
        edges[type_] = edges[type_].filter(kept.gather(edges[type_][end]))
        report.relationships[type_] = edges[type_].height
    nodes = {**tables.nodes, schema.SESSION: sessions.filter(kept)}
    report.nodes[schema.SESSION] = nodes[schema.SESSION].height
    return replace(tables, nodes=nodes, edges=edges)


def _beside(graph: Graph, tables: Tables, sessions: pl.DataFrame) -> _Beside:
    """Compare the sessions of the files with those that the graph holds of the same users from the same time."""
    users = tables.ids[schema.USER].gather(tables.edges[schema.OPENED].sort("target")["source"])
    new = sessions.select(pl.lit(users).alias("user"), "sessionId", "digest", "startedAt", "endedAt")
    old = _near(graph, new)
    if old.is_empty():
        return _Beside([], [], 0, 0, old.select(_LINE))
    played = tables.edges[schema.PLAYED]
    lines = new.select("user", pl.col("sessionId").alias("new"))[played["source"]].with_columns(
        played["at"],
        tables.ids[schema.CONTENT].gather(played["target"]).alias("content"),
        watch.written(played["share"]),
    )
    told = lines.select(*_LINE, "share")
    lines = lines.unique([*_LINE, "new"])
    fresh = lines.join(old, on=_LINE, how="anti")["new"].unique()  # sessions with lines that the graph lacks
    parts, left = pl.Series([], dtype=pl.String), old.clear()
    while True:
        kept = lines.filter(~pl.col("new").is_in(parts.implode()))
        more = old.join(kept, on=_LINE, how="anti")["old"].unique()  # sessions with lines that these files lack
        # One of the same name as a fresh one gives way to it, so it holds nothing for others.
        left = old.filter(pl.col("old").is_in(more.implode()), ~pl.col("old").is_in(fresh.implode()))
        held = kept.join(left, on=_LINE, how="semi")["new"].unique()
        held = held.filter(~held.is_in(fresh.implode()))
        if held.is_empty():
            break
        parts = parts.append(held)  # then what stood in these as well is not replaced by them
    gone = old.filter(~pl.col("old").is_in(more.implode()), ~pl.col("old").is_in(sessions["sessionId"].implode()))
    loaded = sessions["sessionId"].filter(~sessions["sessionId"].is_in(parts.implode()))
    left = left.filter(~pl.col("old").is_in(loaded.implode()))
    lost = old.filter(pl.col("old").is_in(loaded.implode())).join(kept, on=_LINE, how="anti")
    lost = lost.join(left, on=_LINE, how="anti").unique(_LINE).join(lines, on=["user", "at"], how="anti")
    ends = pl.col("old").is_in([*gone["old"], *loaded])
    otherwise = old.filter(ends).join(told, on=[*_LINE, "share"], how="anti")
    otherwise = otherwise.join(old.filter(~ends), on=[*_LINE, "share"], how="anti").select(_LINE).unique()
    last = lines.group_by(pl.col("new").alias("sessionId")).agg(pl.col("at").max().alias("last"))
    stay = new.filter(~pl.col("sessionId").is_in(parts.implode())).join(last, on="sessionId")
    left = left.group_by("user", "old", "old_began", "old_ended").agg(pl.col("at").max().alias("old_last"))
    return _Beside(
        gone["old"].unique().sort().to_list(), parts.sort().to_list(), _cut(stay, left), lost.height, otherwise
    )


def _near(graph: Graph, new: pl.DataFrame) -> pl.DataFrame:
    """The plays of the sessions that the graph holds with other plays; columns `_NEAR`."""
    asked = new.group_by("user").agg(
        "digest",
        pl.col("startedAt").min(),
        pl.when(pl.col("endedAt").is_not_null().all()).then(pl.col("endedAt").max()),
    )
    found = [
        row
        for part in asked.iter_slices(_USERS)
        for row in graph.stream("load/sessions_near", rows=[list(one) for one in part.iter_rows()])
    ]
    return pl.DataFrame(found, schema=_NEAR, orient="row")


def _take_back(graph: Graph, gone: pl.DataFrame) -> None:
    """Take the plays ``gone`` (columns `_LINE`) out of what the graph knows about their pairs."""
    pairs = gone.group_by("user", "content", maintain_order=True).agg("at")
    for part in pairs.iter_slices(_PAIRS):
        rows = [list(row) for row in part.iter_rows()]
        graph.write("load/without_plays", deadline_ms=0, rows=rows, most=watch.MAX_TIMES)
        contents = part["content"].unique().sort().to_list()
        graph.write("load/settle", deadline_ms=0, contents=contents, rate=watch.RATE)


def _cut(new: pl.DataFrame, old: pl.DataFrame) -> int:
    """How many new sessions overlap an old one of their user in time.

    One without an end goes to the next session of the other kind that begins after its last line.
    """
    pairs = new.join(old, on="user")
    next_new = pl.col("startedAt").filter(pl.col("startedAt") > pl.col("old_last")).min().over("old")
    next_old = pl.col("old_began").filter(pl.col("old_began") > pl.col("last")).min().over("sessionId")
    pairs = pairs.with_columns(
        pl.coalesce("old_ended", next_new, "old_last").alias("old_ended"),
        pl.coalesce("endedAt", next_old, "last").alias("endedAt"),
    )
    overlap = (pl.col("startedAt") <= pl.col("old_ended")) & (pl.col("old_began") <= pl.col("endedAt"))
    return pairs.filter(overlap)["sessionId"].n_unique()
