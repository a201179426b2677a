"""What somebody whom the model knows has done since it learned, from the graph in memory."""

from __future__ import annotations

import numpy as np

from graph.live import View
from graph.snapshot import Snapshot
from recommenders.core.today import Today

__all__ = ["today"]


def today(view: View, learned: Snapshot, user_id: str) -> Today | None:
    """All that the user watched and whom they follow by now; None where that is what the model ``learned`` from.

    Also None if the view was made of other people and contents than the model.
    """
    user = view.users.number(user_id)
    if user is None or user >= learned.users.count or view.snapshot.manifest.graph_id != learned.manifest.graph_id:
        return None
    touched = view.watches.touched(user) or view.follows.touched(user)
    if not touched and view.snapshot.manifest == learned.manifest:
        return None
    with view.lock:
        contents, worth = view.watches.of_node(user).astype(np.int64), view.watches.worth_of(user).astype(np.float32)
        people = np.unique(view.follows.of_node(user)).astype(np.int64)
    there = contents < learned.contents.count  # those after it came later
    contents, worth = contents[there], worth[there]
    if learned.mode == "implicit":  # the model learned from a 1 for each pair, whatever events say of it
        worth[:] = 1.0
    order = np.argsort(contents)
    now = Today(learned, user, contents[order], worth[order], people[people < learned.users.count])
    return now if now.is_new else None
