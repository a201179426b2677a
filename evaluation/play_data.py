"""Snapshots from a folder of play logs, for suites and benchmarks that need no graph."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import play_logs, play_sessions, play_tables
from graph.files.quarantine import FileReport
from graph.files.tables import Tables
from graph.settings import Engagement
from graph.snapshot import Snapshot
from graph.snapshot.engagement import engagement

__all__ = ["find_logs", "lines", "plays", "read", "snapshot_of"]


Told = Callable[[str], None]
"""Is called with a sentence about lines that were left out, if there are any."""


def read(folder: Path, told: Told | None = None) -> Snapshot:
    """The snapshot that import and export make of ``folder``.

    Raises InputError when it holds no play, or when most lines of a file are refused.
    """
    find_logs(folder)
    with tempfile.TemporaryDirectory() as home:
        tables, report = play_logs.read_play_logs(folder, Path(home))
    report.check()
    if tables.edges[schema.PLAYED].is_empty():
        raise _no_play(folder, [file.file for file in report.files])
    _tell(report.files, told)
    return _snapshot(tables)


def find_logs(folder: Path) -> tuple[Path | None, list[Path]]:
    """The catalogue of ``folder``, if it has one, and its logs. Raises InputError where there is no log."""
    catalogue, logs = play_logs.find_logs(folder, strict=True)
    if not logs:
        raise play_logs.no_logs(folder, catalogue)
    return catalogue, logs


def _no_play(folder: Path, names: list[str]) -> InputError:
    return InputError(
        f"No line of {', '.join(names)} in {folder} is a play that can be used.",
        do=f"`entourage import {folder} --kind play-logs --dry-run` says what is wrong with each file.",
    )


def plays(folder: Path, told: Told | None = None) -> pl.DataFrame:
    """All plays in the logs of ``folder``, as `graph.files.play_sessions.sessions_of` gives them.

    Raises InputError when there are none.
    """
    return play_sessions.sessions_of(lines(folder, told=told))


def lines(folder: Path, tracks: set[int] | None = None, told: Told | None = None) -> pl.DataFrame:
    """All lines of the logs of ``folder``, each once, as `graph.files.play_sessions.PLAYS`.

    Plays of tracks that are not among ``tracks`` are left out; None takes all. Raises InputError when none is left.
    """
    _, logs = find_logs(folder)
    reports = [FileReport(log.name) for log in logs]
    frames = [play_logs.read_plays(log, tracks, report) for log, report in zip(logs, reports, strict=True)]
    if not any(report.loaded for report in reports):
        raise _no_play(folder, [log.name for log in logs])
    _tell(reports, told)
    return pl.concat(frames).unique(maintain_order=True)


def _tell(reports: Sequence[FileReport], told: Told | None) -> None:
    left_out = sum(report.refused for report in reports)
    if left_out and told:
        total = sum(report.read for report in reports)
        told(f"{left_out:,} of {total:,} lines were left out: `entourage import --dry-run` of the folder says why.")


def snapshot_of(tracks: pl.DataFrame, told: pl.DataFrame) -> Snapshot:
    """The same from a catalogue (`graph.files.play_logs.read_tracks`) and lines (`lines`)."""
    return _snapshot(play_tables.tables_of(tracks, play_sessions.sessions_of(told)))


def _snapshot(tables: Tables) -> Snapshot:
    watched = tables.edges[schema.WATCHED]
    label = engagement(watched, Engagement(), implicit=False)
    edges = {**tables.edges, schema.WATCHED: watched.with_columns(label)}
    return Snapshot.build(tables.nodes, edges)
