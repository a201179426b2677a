"""Which contents of a snapshot are taken down, by the snapshot itself and by what was accepted after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from graph import schema
from graph.snapshot import Snapshot
from recommenders.core.top_k import Mask

__all__ = ["taken_down"]

_masks: Final[WeakKeyDictionary[Snapshot, tuple[Mapping[str, bool], Mask]]] = WeakKeyDictionary()
"""The last mask of each snapshot, and what it was made of."""
_NOTHING: Final[Mapping[str, bool]] = {}


def taken_down(snapshot: Snapshot, since: Mapping[str, bool] = _NOTHING) -> Mask:
    """Whether each content is taken down, shape (contents,). The array is shared: change a copy.

    ``since``: content id → whether it is taken down, of what was said after the snapshot (`Recent.taken_down`).
    """
    known = _masks.get(snapshot)
    if known and known[0] is since:
        return known[1]
    marks = snapshot.contents.column(schema.TAKEN_DOWN)
    if marks is None:
        mask = np.zeros(snapshot.contents.count, dtype=bool)
    else:
        mask = marks.cast(bool).fill_null(value=False).to_numpy().copy()
    for content_id, gone in since.items():
        if (number := snapshot.contents.nid(content_id)) is not None:
            mask[number] = gone
    _masks[snapshot] = since, mask
    return mask
