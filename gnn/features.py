"""What is known of nodes and edges beside who they are, as numbers; nothing at all where the data says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.snapshot import Snapshot
from graph.snapshot.ages import ages as watch_ages
from graph.snapshot.ages import days_before, newest_watch
from graph.snapshot.profiles import profiles

__all__ = [
    "Column",
    "Columns",
    "NodeFeatures",
    "edge_ages",
    "edge_features",
    "features_of",
    "half_lives",
    "node_features",
    "watch_weights",
]

_FAR = 5.0
"""Standard deviations from the mean that a feature may be off: what is known of nearly everyone has deviations so small
that the one of whom it is not would be a hundred off."""

Floats = npt.NDArray[np.float32]
Ages = Mapping[str, Floats]


@dataclass(frozen=True)
class Column:
    """One feature of a kind of nodes, out of one of their `graph.snapshot.profiles`."""

    name: str
    reads: Literal["flag", "number", "gap"]
    """Whether something is so, the log1p of a number, or whether the number is unknown."""
    mean: float = 0.0
    deviation: float = 1.0
    """What is taken off a number or a gap, and what it is then divided by."""

    def of(self, values: npt.NDArray[Any]) -> Floats:
        """The feature (n,) of nodes that have these ``values`` (n,), NaN or False where unknown."""
        if self.reads == "flag":
            return values.astype(np.float32)
        standardised = (_raw(values, self.reads) - self.mean) / self.deviation
        return np.clip(standardised, -_FAR, _FAR).astype(np.float32)


Columns = Mapping[str, tuple[Column, ...]]


@dataclass(frozen=True)
class NodeFeatures:
    """Features of users and contents, by label, for the labels that have any."""

    values: Mapping[str, Floats]
    """Shape (nodes, F)."""
    columns: Columns
    """What each of the F is."""


def node_features(snapshot: Snapshot) -> NodeFeatures:
    """The `graph.snapshot.profiles` of users and contents: numbers as log1p and standardised, with a flag for gaps."""
    found: dict[str, Floats] = {}
    columns: dict[str, tuple[Column, ...]] = {}
    for label, described in profiles(snapshot).items():
        columns[label] = tuple(column for name, values in described.items() for column in _columns(name, values))
        if columns[label]:
            found[label] = np.stack([column.of(described[column.name]) for column in columns[label]], axis=1)
    return NodeFeatures(found, {label: columns[label] for label in found})


def features_of(columns: Sequence[Column], profile: Mapping[str, float]) -> Floats:
    """The features (F,) of one node by its `graph.snapshot.profiles.profile`; what that does not tell is a gap.

    Where training knew no gap, it is the mean.
    """
    gaps = {column.name for column in columns if column.reads == "gap"}
    told = [
        0.0
        if column.reads == "number" and column.name not in profile and column.name not in gaps
        else float(column.of(np.array([profile.get(column.name, 0.0 if column.reads == "flag" else np.nan)]))[0])
        for column in columns
    ]
    return np.array(told, dtype=np.float32)


def _columns(name: str, values: npt.NDArray[Any]) -> list[Column]:
    """A bool as 0 or 1; a number as its log1p and, where some are unknown, a flag for that, both standardised."""
    if values.dtype == np.bool_:
        return [Column(name, "flag")]
    kinds: tuple[Literal["number", "gap"], ...] = ("number", "gap")
    raw = {kind: _raw(values, kind) for kind in kinds}
    return [Column(name, kind, float(r.mean()), float(r.std())) for kind, r in raw.items() if r.std() > 1e-6]


def _raw(values: npt.NDArray[Any], kind: Literal["number", "gap"]) -> npt.NDArray[np.float64]:
    known = np.isfinite(values)
    return (
        np.where(known, np.log1p(np.maximum(values, 0.0)), 0.0).astype(np.float64) if kind == "number" else 1.0 - known
    )


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
