"""What is known of nodes and edges beside who they are, as numbers; nothing at all where the data says nothing."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import hindsight, schema
from graph.ages import DAY, ages, days_before_newest
from graph.snapshot import NO_TIME, Snapshot

__all__ = ["edge_features", "node_features", "watch_weights"]

Floats = npt.NDArray[np.float32]

_BUCKETS: Final = 16
"""Hash buckets of a text column."""
_TEXTS: Final = frozenset({"kind", "contentType", "licenceType"})


def node_features(snapshot: Snapshot) -> dict[str, Floats]:
    """Features (nodes, F) of users and contents, by label, for the labels that have any.

    Counts and ages as log1p, flags as 0 or 1, short texts by hashing, all standardised; a column with gaps gets a
    flag for them, and one that never varies is left out, as is what only hindsight knows: it sums up what is learned.
    """
    found = {}
    for label in (schema.USER, schema.CONTENT):
        nodes = snapshot.nodes[label]
        columns = _columns(nodes.frame.drop(nodes.key), label, snapshot.manifest.cutoff)
        if columns:
            found[label] = np.stack(columns, axis=1)
    return found


def _columns(frame: pl.DataFrame, label: str, cutoff: int | None) -> list[Floats]:
    columns: list[Floats] = []
    for name, dtype in frame.schema.items():
        if name in hindsight.PROPERTIES[label]:
            continue
        series = frame[name]
        if name in _TEXTS and dtype == pl.String:
            if series.n_unique() > 1:
                columns += _hashed(series)
            continue
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            continue
        values = series.cast(pl.Float64).fill_nan(None).to_numpy().astype(np.float64)
        if name in (*schema.USER_TIMES, *schema.BEAT_TIMES):
            values = np.where(values <= float(NO_TIME), np.nan, values)
            newest = float(cutoff) if cutoff is not None else float(np.nanmax(values, initial=0.0))
            values = np.maximum(newest - values, 0.0) / DAY
        known = np.isfinite(values)
        for column in (np.where(known, np.log1p(np.maximum(values, 0.0)), 0.0), 1.0 - known):
            spread = float(column.std())
            if spread > 1e-6:
                columns.append(((column - column.mean()) / spread).astype(np.float32))
    return columns


def _hashed(series: pl.Series) -> list[Floats]:
    buckets = np.array([-1 if v is None else zlib.crc32(v.encode()) % _BUCKETS for v in series.to_list()])
    return [(buckets == bucket).astype(np.float32) for bucket in np.unique(buckets[buckets >= 0])]


def _recency(days: Floats | None) -> Floats | None:
    """2^(−age / half-life) of every edge (E,), the half-life a third of the time covered; None without times."""
    if days is None or not days.any():
        return None
    return np.asarray(np.exp2(np.float32(-3.0) * days / days.max()))


def edge_features(snapshot: Snapshot) -> dict[str, Floats]:
    """Features (E, F) of a relationship type's edges, by type, in the snapshot's order; only of types that have any.

    Of every watch its engagement and recency, of every follow its recency, each where it varies.
    """
    watched = [np.asarray(snapshot.watched.columns["engagement"])] if snapshot.mode == "engagement" else []
    since = snapshot.follows.columns.get("since")
    found = {
        schema.WATCHED: [*watched, _recency(ages(snapshot))],
        schema.FOLLOWS: [None if since is None else _recency(days_before_newest(np.asarray(since)))],
    }
    told = {type_: [column for column in columns if column is not None] for type_, columns in found.items()}
    return {type_: np.stack(columns, axis=1).astype(np.float32) for type_, columns in told.items() if columns}


def watch_weights(snapshot: Snapshot) -> Floats:
    """How much every watch counts in the loss, (E,): all the same, or by engagement and recency where they vary.

    The floors keep a watch that was cut short, or is old, a sign of some interest.
    """
    weights = np.ones(len(snapshot.watched), dtype=np.float32)
    if snapshot.mode == "engagement":
        weights *= 0.25 + np.asarray(snapshot.watched.columns["engagement"])
    fresh = _recency(ages(snapshot))
    if fresh is not None:
        weights *= 0.5 + 0.5 * fresh
    return weights
