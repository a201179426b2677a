"""The neighbourhood of a known user as of now, with the features of its edges, for `gnn.encoder.Encoder.embed`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gnn.features import features_of_some
from gnn.topology import Link
from graph import schema
from recommenders.core.today import Today

__all__ = ["neighbourhood"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def neighbourhood(links: Iterable[Link], today: Today) -> tuple[dict[str, Ints], dict[str, Floats]]:
    """Neighbours of the user, and features (neighbours, F) of the edges to them, by the name of the link into users.

    What the user watched and whom they follow is as of now; who follows them and what they made is as in the snapshot.
    """
    near: dict[str, Ints] = {}
    edges: dict[str, Floats] = {}
    mine = [link for link in links if link.target == schema.USER]
    mutual = f"rev_{schema.FOLLOWS}" not in {link.name for link in mine}
    for link in mine:
        type_ = link.name.removeprefix("rev_")
        found, places = _edges(today, type_, outgoing=link.name != type_ or mutual)
        near[link.name] = found
        features = features_of_some(today.snapshot, type_, places, today.engagement)
        if features is not None:
            edges[link.name] = features
    return near, edges


def _edges(today: Today, type_: str, *, outgoing: bool) -> tuple[Ints, Ints]:
    """The other ends of the user's edges, and their rows in the snapshot; -1 for an edge that is new."""
    if type_ == schema.WATCHED:
        return today.watched, today.places
    edges, user = today.snapshot.edges[type_], today.user
    if not outgoing:
        incoming = edges.incoming
        where = np.arange(incoming.indptr[user], incoming.indptr[user + 1])
        return incoming.neighbour[where].astype(np.int64), where if incoming.row is None else incoming.row[where]
    where = np.arange(edges.indptr[user], edges.indptr[user + 1])
    if type_ != schema.FOLLOWS:
        return edges.target[where].astype(np.int64), where
    place = dict(zip(edges.target[where].tolist(), where.tolist(), strict=True))
    return today.follows, np.array([place.get(person, -1) for person in today.follows.tolist()], dtype=np.int64)
