"""Example users for the first page: people with enough follows and watches for good recommendations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from graph.snapshot import Edges, Snapshot
from recommend.marks import private

__all__ = ["example_users"]

_SAMPLE: Final = 20_000


def example_users(snapshot: Snapshot, n: int = 6, private_since: Mapping[str, bool] | None = None) -> list[str]:
    """Bare ids of ``n`` users from the more active half, the same ones every time; of nobody who is marked private.

    Activity is the smaller of a user's ranks by follows and by watches, so that both are high. ``private_since``:
    `Recent.private`.
    """
    count = snapshot.users.count
    users = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64)) if count else np.empty(0, int)
    users = users[~private(snapshot, private_since or {})[users]]
    ranks = [np.argsort(np.argsort(_degrees(edges)[users])) for edges in (snapshot.follows, snapshot.watched)]
    lively = users[np.argsort(np.minimum(*ranks))][len(users) // 2 :]
    chosen = lively[np.unique(np.linspace(0, len(lively) - 1, min(n, len(lively))).astype(np.int64))]
    return [str(snapshot.users.ids[int(nid)]) for nid in chosen]


def _degrees(edges: Edges) -> np.ndarray:
    return np.diff(edges.indptr)
