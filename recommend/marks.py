"""What a snapshot and what was accepted after it mark: contents that are taken down, people who are private."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from graph import schema
from graph.snapshot import Nodes, Snapshot
from recommenders.core.top_k import Mask

__all__ = ["private", "taken_down"]

_masks: Final[WeakKeyDictionary[Snapshot, dict[tuple[str, bool], tuple[Mapping[str, bool], Mask]]]] = (
    WeakKeyDictionary()
)
"""By snapshot, property and whether something was said since: what the last mask was made of, and the mask."""
_NOTHING: Final[Mapping[str, bool]] = {}


def taken_down(snapshot: Snapshot, since: Mapping[str, bool] = _NOTHING) -> Mask:
    """Whether each content is taken down, shape (contents,). The array is shared: change a copy.

    ``since``: content id → whether it is taken down, of what was said after the snapshot (`Recent.taken_down`).
    """
    return _marked(snapshot, snapshot.contents, schema.TAKEN_DOWN, since)


def private(snapshot: Snapshot, since: Mapping[str, bool] = _NOTHING) -> Mask:
    """Whether each person is marked private, shape (users,). The array is shared: change a copy.

    ``since``: bare user id → whether the person is private, of what was said after the snapshot (`Recent.private`).
    """
    return _marked(snapshot, snapshot.users, schema.PRIVATE, since)


def _marked(snapshot: Snapshot, nodes: Nodes, mark: str, since: Mapping[str, bool]) -> Mask:
    masks, key = _masks.setdefault(snapshot, {}), (mark, bool(since))
    known = masks.get(key)
    if known and (not since or known[0] is since):
        return known[1]
    marks = nodes.column(mark)
    if marks is None:
        mask = np.zeros(nodes.count, dtype=bool)
    else:
        mask = marks.cast(bool).fill_null(value=False).to_numpy().copy()
    for id_, holds in since.items():
        if (number := nodes.nid(id_)) is not None:
            mask[number] = holds
    masks[key] = since, mask
    return mask
