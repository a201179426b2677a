"""Data that a snapshot has only because it was exported later: counts, summaries of activity, later follows.

Clear these fields before a split in time: they include later events and leak the test set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from graph import schema
from graph.snapshot.format import Nodes, Snapshot

__all__ = ["PROPERTIES", "RELATIONSHIPS", "emptied", "of_watched_pairs", "social_until"]

#: By label, the node properties that were counted over the whole graph, or describe people as they were at the export.
PROPERTIES: Final[dict[str, frozenset[str]]] = {
    schema.USER: frozenset((*schema.USER_COUNTS, "lastConnection", "prizeMoneyWinner")) | schema.FEATURES,
    schema.CONTENT: frozenset((*schema.KEAK_COUNTS, *schema.BEAT_COUNTS, *schema.CONTENT_KEPT, "updatedAt"))
    - {"duration", "bpm"},
}

#: Relationships that summarise all of a user's activity.
RELATIONSHIPS: Final = (schema.LISTENS_TO, schema.CREATES_IN)

#: Relationship type → the property with its time.
_SINCE: Final = {schema.FOLLOWS: "since", schema.BLOCKED: "at", schema.HID: "at"}


def emptied(snapshot: Snapshot) -> Snapshot:
    """The snapshot with `PROPERTIES` null and without `RELATIONSHIPS`; nodes and nids stay."""
    nodes = {**snapshot.nodes}
    for label, names in PROPERTIES.items():
        frame = nodes[label].frame
        columns: Sequence[pl.Series] = [
            pl.Series(name, [None] * frame.height, dtype=frame.schema[name]) for name in frame.columns if name in names
        ]
        if columns:
            nodes[label] = Nodes(label, frame.with_columns(columns), frame.height)
    summed = [edges for type_, edges in snapshot.edges.items() if type_ in RELATIONSHIPS]
    bare = snapshot.with_edges(*(edges.keep(np.zeros(len(edges), dtype=bool)) for edges in summed))
    return Snapshot(bare.manifest, nodes, bare.edges)


def of_watched_pairs(snapshot: Snapshot) -> Snapshot:
    """The snapshot without plays and watch ratios of pairs of user and content that are not in ``WATCHED``.

    A split holds out pairs of ``WATCHED``; these relationships say the same of a pair once more.
    """
    watched = snapshot.watched
    width = np.int64(max(1, watched.width))
    known = watched.source.astype(np.int64) * width + watched.target
    kept = []
    for type_, of_sessions in ((schema.PLAYED, True), (schema.WATCH_RATIO, False)):
        edges = snapshot.edges[type_]
        if len(edges):
            users = snapshot.session_owners()[edges.source] if of_sessions else edges.source.astype(np.int64)
            kept.append(edges.keep(np.isin(users * width + edges.target, known)))
    return snapshot.with_edges(*kept) if kept else snapshot


def social_until(snapshot: Snapshot, cutoff: int) -> Snapshot:
    """The snapshot without follows, blocks and hides made at ``cutoff`` (ms) or later; those without a time stay."""
    older = []
    for type_, column in _SINCE.items():
        edges = snapshot.edges[type_]
        if column in edges.columns:
            older.append(edges.keep(np.asarray(edges.columns[column]) < cutoff))  # NO_TIME is less than any
    return snapshot.with_edges(*older)
