"""The snapshot of a folder of play logs, for suites and benchmarks that need no graph."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from graph import schema
from graph.files import play_logs
from graph.files.tables import Tables
from graph.settings import Engagement
from graph.snapshot import Snapshot
from graph.snapshot.engagement import engagement

__all__ = ["read", "snapshot_of"]


def read(folder: Path) -> tuple[Snapshot, pl.DataFrame]:
    """The snapshot that import and export make of ``folder``, and its plays as `graph.files.play_logs` has them.

    Raises InputError when there is nothing to read.
    """
    with tempfile.TemporaryDirectory() as home:  # bad lines were counted when the folder was imported
        tables, _ = play_logs.read_play_logs(folder, Path(home))
    tracks = tables.nodes[schema.CONTENT]["trackId"].cast(pl.Int64)
    logs = [play_logs.read_plays(log, set(tracks.to_list())) for log in play_logs.find_logs(folder)[1]]
    plays = pl.concat(logs).unique(maintain_order=True) if logs else pl.DataFrame(schema=play_logs.PLAYS)
    return _snapshot(tables), play_logs.sessions_of(plays)


def snapshot_of(tracks: pl.DataFrame, rows: Iterable[tuple[Any, ...]]) -> Snapshot:
    """The same from a catalogue (`read_tracks`) and rows in the order of `graph.files.play_logs.PLAYS`."""
    plays = pl.DataFrame(rows, schema=play_logs.PLAYS, orient="row")
    return _snapshot(play_logs.tables_of(tracks, play_logs.sessions_of(plays)))


def _snapshot(tables: Tables) -> Snapshot:
    watched = tables.edges[schema.WATCHED]
    label = engagement(watched, Engagement(), implicit=False)
    edges = {**tables.edges, schema.WATCHED: watched.with_columns(label)}
    return Snapshot.build(tables.nodes, edges)
