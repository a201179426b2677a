"""What is known of nodes and edges beside who they are, as numbers; nothing at all where the data says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.ages import ages as watch_ages
from graph.ages import days_before, newest_watch
from graph.profiles import profiles
from graph.snapshot import Snapshot

__all__ = ["edge_ages", "edge_features", "half_lives", "node_features", "watch_weights"]

Floats = npt.NDArray[np.float32]
Ages = Mapping[str, Floats]


def node_features(snapshot: Snapshot) -> dict[str, Floats]:
    """Features (nodes, F) of users and contents, by label, for the labels that have any.

    The `graph.profiles` of users and contents: numbers as log1p and standardised, with a flag for gaps.
    """
    found, described = {}, profiles(snapshot)
    for label in (schema.USER, schema.CONTENT):
        columns = [column for values in described[label].values() for column in _columns(values)]
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


def edge_ages(snapshot: Snapshot) -> dict[str, Floats]:
    """Days of every edge (E,) at the newest watch, or without one follow, by type; where they are known and vary."""
    since = snapshot.follows.columns.get("since")
    found = {
        schema.WATCHED: watch_ages(snapshot),
        schema.FOLLOWS: None if since is None else days_before(np.asarray(since), newest_watch(snapshot)),
    }
    return {type_: days for type_, days in found.items() if days is not None and days.any()}


def half_lives(ages: Ages) -> dict[str, float]:
    """Days after which the recency of an edge halves, a third of the time covered; by the types that have it."""
    return {type_: float(days.max()) / 3.0 for type_, days in ages.items()}


def _recency(days: Floats) -> Floats:
    return np.asarray(np.exp2(np.float32(-3.0) * days / days.max()))


def edge_features(snapshot: Snapshot, ages: Ages) -> dict[str, Floats]:
    """Features (E, F) of a relationship type's edges, by type, in the snapshot's order; only of types that have any.

    Of every watch its engagement and recency, of every follow its recency, each where it varies. Recency is
    2^(−age / half-life), and the last feature wherever there is one of the `half_lives`. ``ages`` are its `edge_ages`.
    """
    found: dict[str, list[Floats]] = {}
    if snapshot.mode == "engagement":
        found[schema.WATCHED] = [np.asarray(snapshot.watched.columns["engagement"])]
    for type_, days in ages.items():
        found.setdefault(type_, []).append(_recency(days))
    return {type_: np.stack(columns, axis=1).astype(np.float32) for type_, columns in found.items()}


def watch_weights(snapshot: Snapshot, ages: Ages) -> Floats:
    """How much every watch counts in the loss, (E,): all the same, or by engagement and recency where they vary.

    The floors keep a watch that was cut short, or is old, a sign of some interest.
    """
    weights = np.ones(len(snapshot.watched), dtype=np.float32)
    if snapshot.mode == "engagement":
        weights *= 0.25 + np.asarray(snapshot.watched.columns["engagement"])
    days = ages.get(schema.WATCHED)
    if days is not None:
        weights *= 0.5 + 0.5 * _recency(days)
    return weights
