"""Snapshots from a folder of play logs, for suites and benchmarks that need no graph."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import play_logs, play_sessions, play_tables
from graph.files.tables import Tables
from graph.settings import Engagement
from graph.snapshot import Snapshot
from graph.snapshot.engagement import engagement

__all__ = ["lines", "plays", "read", "snapshot_of"]


def read(folder: Path) -> Snapshot:
    """The snapshot that import and export make of ``folder``.

    Raises InputError when there is nothing to read.
    """
    with tempfile.TemporaryDirectory() as home:  # bad lines were counted when the folder was imported
        tables, _ = play_logs.read_play_logs(folder, Path(home))
    return _snapshot(tables)


def plays(folder: Path) -> pl.DataFrame:
    """All plays in the logs of ``folder``, as `graph.files.play_sessions.sessions_of` gives them.

    Raises InputError when there are none.
    """
    return play_sessions.sessions_of(lines(folder))


def lines(folder: Path) -> pl.DataFrame:
    """All lines of the logs of ``folder``, each once, as `graph.files.play_sessions.PLAYS`.

    Raises InputError for none.
    """
    logs = play_logs.find_logs(folder)[1]
    if not logs:
        raise InputError(f"{folder} holds no play logs.", do="Name a folder that holds a player's logs.")
    return pl.concat([play_logs.read_plays(log) for log in logs]).unique(maintain_order=True)


def snapshot_of(tracks: pl.DataFrame, told: pl.DataFrame) -> Snapshot:
    """The same from a catalogue (`graph.files.play_logs.read_tracks`) and lines (`lines`)."""
    return _snapshot(play_tables.tables_of(tracks, play_sessions.sessions_of(told)))


def _snapshot(tables: Tables) -> Snapshot:
    watched = tables.edges[schema.WATCHED]
    label = engagement(watched, Engagement(), implicit=False)
    edges = {**tables.edges, schema.WATCHED: watched.with_columns(label)}
    return Snapshot.build(tables.nodes, edges)
