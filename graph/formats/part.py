"""The part of a snapshot around some of its people, with new nids."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.formats.tables import column
from graph.snapshot import Snapshot
from graph.snapshot.arrays import Ints

__all__ = ["REACHED", "of_users"]

Mask = npt.NDArray[np.bool_]

#: The target of a relationship of these types is kept if its source is kept; computed in this order.
REACHED: Final = (
    schema.OPENED,
    schema.PLAYED,
    schema.WATCHED,
    schema.WATCH_RATIO,
    schema.HELD_OUT,
    schema.MADE,
    schema.HID,
    schema.USES,
    schema.HAS_GENRE,
    schema.HAS_MOOD,
    schema.TAGGED,
    schema.PERFORMED_BY,
    schema.LISTENS_TO,
    schema.CREATES_IN,
)


def of_users(snapshot: Snapshot, users: Ints) -> Snapshot:
    """The people ``users`` (nids, any order), what they watched, made or hid, the beats these use, and their genres.

    A relationship stays where both of its ends stay: everything that the people did, and the follows among them. Nodes
    keep their properties, counts of the whole graph included. Playlists belong to nobody and are left out. Raises
    InputError for no people or no content.
    """
    kept: dict[str, Mask] = {label: np.zeros(nodes.count, dtype=bool) for label, nodes in snapshot.nodes.items()}
    kept[schema.USER][users] = True
    for type_ in REACHED:
        relationship, edges = schema.RELATIONSHIPS[type_], snapshot.edges[type_]
        kept[relationship.target][edges.target[kept[relationship.source][edges.source]]] = True
    if not kept[schema.USER].any():
        raise InputError("No person is left to export.", do="Name people who are in the graph.")
    if not kept[schema.CONTENT].any():
        raise InputError("The people to export watched and made nothing.", do="Name more people, or others.")
    nids = {label: np.cumsum(mask, dtype=np.int32) - np.int32(1) for label, mask in kept.items()}
    nodes = {label: own.frame.filter(pl.Series(kept[label])) for label, own in snapshot.nodes.items()}
    frames = {}
    for type_, edges in snapshot.edges.items():
        relationship = schema.RELATIONSHIPS[type_]
        rows = np.flatnonzero(kept[relationship.source][edges.source] & kept[relationship.target][edges.target])
        ends = {
            "source": nids[relationship.source][edges.source[rows]],
            "target": nids[relationship.target][edges.target[rows]],
        }
        columns = {name: column(edges, name, rows) for name in edges.columns}
        frames[type_] = pl.DataFrame(ends | columns)
    return Snapshot.build(nodes, frames)
