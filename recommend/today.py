"""What somebody whom the model knows has done since it learned, from the graph in memory or from Neo4j."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph.live import View
from graph.snapshot import Snapshot
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints

__all__ = ["today", "today_of"]


def today(view: View, learned: Snapshot, user_id: str, wait_s: float = 1.0) -> Today | None:
    """All that the user watched and whom they follow by now; None where that is what the model ``learned`` from.

    Also None for somebody whom the model does not know, and where the view is not free within ``wait_s``. The view may
    be made of a later snapshot than the model.
    """
    user = view.users.number(user_id)
    if user is None or user_id not in learned.users:
        return None
    same = view.snapshot.manifest.graph_id == learned.manifest.graph_id
    touched = view.watches.touched(user) or view.follows.touched(user)
    if not touched and view.snapshot.manifest == learned.manifest:
        return None
    if not view.lock.acquire(timeout=wait_s):
        return None
    try:
        contents = view.watches.of_node(user).astype(np.int64)
        engagement = view.watches.engagement_of(user).astype(np.float32)
        people = view.follows.of_node(user).astype(np.int64)
        names = None if same else (view.contents.names(contents.tolist()), view.users.names(people.tolist()))
    finally:
        view.lock.release()
    if names:  # its numbers are others
        return today_of(learned, user_id, names[0], engagement, names[1])
    there = contents < learned.contents.count  # those after it came later
    return _of(learned, user, contents[there], engagement[there], people[people < learned.users.count])


def today_of(
    learned: Snapshot, user_id: str, content_ids: Sequence[str], engagement: Floats, followed: Sequence[str]
) -> Today | None:
    """The same by ids: what somebody watched, its engagement (n,), and whom they follow; what is newer is left out."""
    user = learned.users.nid(user_id)
    if user is None:
        return None
    found = [learned.contents.nid(content_id) for content_id in content_ids]
    there = np.array([nid is not None for nid in found], dtype=bool)
    contents = np.array([nid for nid in found if nid is not None], dtype=np.int64)
    return _of(learned, user, contents, np.asarray(engagement, dtype=np.float32)[there], learned.users.known(followed))


def _of(learned: Snapshot, user: int, contents: Ints, engagement: Floats, people: Ints) -> Today | None:
    if learned.mode == "implicit":  # the model learned from a 1 for each pair, whatever events say of it
        engagement = np.ones_like(engagement)
    order = np.argsort(contents)
    now = Today(learned, user, contents[order], engagement[order], np.unique(people))
    return now if now.is_new else None
