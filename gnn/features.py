"""Node features, edge features and label weights as arrays, made of the snapshot's properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from gnn.recipe import RECIPE
from graph import schema
from graph.snapshot import Snapshot
from graph.snapshot.ages import Span, newest_watch, watch_span
from graph.snapshot.profiles import profiles

__all__ = [
    "Column",
    "Columns",
    "NodeFeatures",
    "edge_ages",
    "edge_features",
    "edge_spans",
    "features_of",
    "features_of_some",
    "half_lives",
    "node_features",
    "watch_weights",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Ages = Mapping[str, Floats]
_TIMES: Final[Mapping[str, str]] = {schema.WATCHED: "lastAt", schema.FOLLOWS: "since"}
"""Relationship type → the property that holds the time of its edges."""
_SPANS: Final[WeakKeyDictionary[Snapshot, dict[str, Span]]] = WeakKeyDictionary()
"""`edge_spans` of each snapshot."""


@dataclass(frozen=True)
class Column:
    """One feature of a label's nodes, made of one property of `graph.snapshot.profiles`."""

    name: str
    reads: Literal["flag", "number", "gap"]
    """flag: 0 or 1. number: log1p of the property. gap: whether the number is unknown."""
    mean: float = 0.0
    deviation: float = 1.0
    """Mean and standard deviation by which numbers and gaps are standardised."""

    def of(self, values: npt.NDArray[Any]) -> Floats:
        """The feature (n,) of nodes with these ``values`` (n,), which are NaN or False where unknown."""
        if self.reads == "flag":
            return values.astype(np.float32)
        standardised = (_raw(values, self.reads) - self.mean) / self.deviation
        return np.clip(standardised, -RECIPE.feature_limit, RECIPE.feature_limit).astype(np.float32)


Columns = Mapping[str, tuple[Column, ...]]


@dataclass(frozen=True)
class NodeFeatures:
    """Features of users and contents, by label, for the labels that have any."""

    values: Mapping[str, Floats]
    """Shape (nodes, F)."""
    columns: Columns
    """Description of each of the F features."""


def node_features(snapshot: Snapshot) -> NodeFeatures:
    """Features of users and contents from `graph.snapshot.profiles`: standardised log1p of numbers, flags for gaps."""
    found: dict[str, Floats] = {}
    columns: dict[str, tuple[Column, ...]] = {}
    for label, described in profiles(snapshot).items():
        columns[label] = tuple(column for name, values in described.items() for column in _columns(name, values))
        if columns[label]:
            found[label] = np.stack([column.of(described[column.name]) for column in columns[label]], axis=1)
    return NodeFeatures(found, {label: columns[label] for label in found})


def features_of(columns: Sequence[Column], profile: Mapping[str, float]) -> Floats:
    """The features (F,) of one node with this `graph.snapshot.profiles.profile`.

    A missing number sets its gap; without a gap column, because no number was missing in training, it is the mean.
    """
    gaps = {column.name for column in columns if column.reads == "gap"}
    features = [
        0.0
        if column.reads == "number" and column.name not in profile and column.name not in gaps
        else float(column.of(np.array([profile.get(column.name, 0.0 if column.reads == "flag" else np.nan)]))[0])
        for column in columns
    ]
    return np.array(features, dtype=np.float32)


def _columns(name: str, values: npt.NDArray[Any]) -> list[Column]:
    """A bool gives one flag; a number gives its log1p and, if some values are unknown, a gap, both standardised."""
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


def edge_spans(snapshot: Snapshot) -> dict[str, Span]:
    """The time that the edges cover, by type, for types whose ages are known and vary.

    Ages are measured at the newest watch; ages of follows without timed watches at the newest follow.
    """
    if snapshot not in _SPANS:
        since = snapshot.follows.columns.get("since")
        found = {
            schema.WATCHED: watch_span(snapshot),
            schema.FOLLOWS: None if since is None else Span.of(np.asarray(since), newest_watch(snapshot)),
        }
        _SPANS[snapshot] = {type_: span for type_, span in found.items() if span is not None and span.longest}
    return _SPANS[snapshot]


def edge_ages(snapshot: Snapshot) -> dict[str, Floats]:
    """Age of every edge in days (E,), by type, for the types of `edge_spans`."""
    return {type_: span.days(_times(snapshot, type_)) for type_, span in edge_spans(snapshot).items()}


def _times(snapshot: Snapshot, type_: str, places: Ints | slice = slice(None)) -> npt.NDArray[np.int64]:
    return np.asarray(snapshot.edges[type_].columns[_TIMES[type_]][places])


def half_lives(ages: Ages) -> dict[str, float]:
    """Half-life of recency in days by relationship type: the time its edges cover over `Recipe.half_lives_covered`."""
    return {type_: float(days.max()) / RECIPE.half_lives_covered for type_, days in ages.items()}


def _recency(days: Floats, longest: np.float32) -> Floats:
    return np.asarray(np.exp2(np.float32(-RECIPE.half_lives_covered) * days / longest))


def edge_features(snapshot: Snapshot, ages: Ages) -> dict[str, Floats]:
    """Features (E, F) of edges by relationship type, in the snapshot's order, for the types that have any.

    A watch has engagement and recency, a follow has recency; a feature that does not vary is left out. Recency is
    2^(−age / half-life) and always the last feature. ``ages`` are the snapshot's `edge_ages`.
    """
    recency = {type_: _recency(days, days.max()) for type_, days in ages.items()}
    engagement = np.asarray(snapshot.watched.columns["engagement"])
    found = {type_: _stacked(snapshot, type_, engagement, recency.get(type_)) for type_ in _TIMES}
    return {type_: features for type_, features in found.items() if features is not None}


def features_of_some(snapshot: Snapshot, type_: str, places: Ints, engagement: Floats) -> Floats | None:
    """`edge_features` (n, F) of the edges at ``places`` of the snapshot, where -1 is an edge of now; None without any.

    ``engagement`` (n,) is the engagement of each watch.
    """
    recency, span = None, edge_spans(snapshot).get(type_)
    if span is not None:
        recency, old = np.ones(len(places), dtype=np.float32), places >= 0
        recency[old] = _recency(span.days(_times(snapshot, type_, places[old])), span.longest)
    return _stacked(snapshot, type_, engagement, recency)


def _stacked(snapshot: Snapshot, type_: str, engagement: Floats, recency: Floats | None) -> Floats | None:
    found = [engagement] if type_ == schema.WATCHED and snapshot.mode == "engagement" else []
    found += [] if recency is None else [recency]
    return np.stack(found, axis=1).astype(np.float32) if found else None


def watch_weights(snapshot: Snapshot, ages: Ages) -> Floats:
    """Weight of every watch in the loss, (E,): 1, times factors for engagement and recency where these vary.

    No weight is 0: a short or old watch still shows some interest.
    """
    weights = np.ones(len(snapshot.watched), dtype=np.float32)
    if snapshot.mode == "engagement":
        weights *= RECIPE.least_engagement_weight + np.asarray(snapshot.watched.columns["engagement"])
    days = ages.get(schema.WATCHED)
    if days is not None:
        weights *= RECIPE.oldest_watch_weight + (1.0 - RECIPE.oldest_watch_weight) * _recency(days, days.max())
    return weights
