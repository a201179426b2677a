"""What is known of nodes and edges beside who they are, as numbers; nothing at all where the data says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.ages import ages, days_before_newest
from graph.profiles import profiles
from graph.snapshot import Snapshot

__all__ = ["edge_features", "node_features", "watch_weights"]

Floats = npt.NDArray[np.float32]


def node_features(snapshot: Snapshot) -> dict[str, Floats]:
    """Features (nodes, F) of users and contents, by label, for the labels that have any.

    The `graph.profiles` of users and contents: numbers as log1p and standardised, with a flag for gaps.
    """
    found = {}
    for label in (schema.USER, schema.CONTENT):
        columns = [column for values in profiles(snapshot, label).values() for column in _columns(values)]
        if columns:
            found[label] = np.stack(columns, axis=1)
    return found


def _columns(values: npt.NDArray[Any]) -> list[Floats]:
    """A bool as 0 or 1; a number as its log1p and, where some are unknown, a flag for that, both standardised."""
    if values.dtype == np.bool_:
        return [values.astype(np.float32)]
    known = np.isfinite(values)
    numbers = np.where(known, np.log1p(np.maximum(values, 0.0)), 0.0), 1.0 - known
    return [
        ((column - column.mean()) / column.std()).astype(np.float32)
        for column in (np.asarray(column, dtype=np.float64) for column in numbers)
        if column.std() > 1e-6
    ]


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
