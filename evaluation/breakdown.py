"""Results by group: popularity of the content, watches of the user in training, number of people followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import Values, judge
from recommenders.core.top_k import Ints

__all__ = ["Group", "by_activity", "by_friends", "by_popularity", "recall_in", "strata"]

#: Lower ends of the groups of users, by watches in training and by friends (followed people).
_ACTIVITY: Final = (0, 1, 5, 20, 100)
_FRIENDS: Final = (0, 1, 4, 11, 51)


@dataclass(frozen=True)
class Group:
    """A group of judged users."""

    name: str
    members: npt.NDArray[np.bool_]
    """Shape (judged users,)."""


def by_activity(split: Holdout) -> list[Group]:
    """The judged users by how many contents they watched in training: 0 is cold. Empty groups are left out."""
    return _ranges(np.diff(split.train.watched.indptr)[split.users], _ACTIVITY)


def by_friends(split: Holdout) -> list[Group]:
    """The judged users by how many people they follow. Empty groups are left out."""
    return _ranges(np.diff(split.train.follows.indptr)[split.users], _FRIENDS)


def strata(watchers: Ints) -> npt.NDArray[np.str_]:
    """``head``, ``middle`` or ``tail`` for every content; each stratum has a third of all watches, the head the most
    watched contents.

    ``watchers`` (shape (contents,)) counts training watches; contents without any are ``new``.
    """
    order = np.argsort(-watchers, kind="stable")
    ahead = np.cumsum(watchers[order]) - watchers[order]
    thirds = np.minimum(3 * ahead // max(1, int(watchers.sum())), 2)
    names = np.empty(len(watchers), dtype="<U6")
    names[order] = np.array(["head", "middle", "tail"])[thirds]
    names[watchers == 0] = "new"
    return names


def by_popularity(split: Holdout) -> dict[str, npt.NDArray[np.bool_]]:
    """Stratum → mask of its contents, for the strata that have held-out contents."""
    watchers = np.bincount(split.train.watched.target, minlength=split.train.contents.count)
    names = strata(watchers)
    present = set(names[split.held_out[split.users].indices])
    return {name: names == name for name in ("head", "middle", "tail", "new") if name in present}


def recall_in(ids: Ints, held_out: sp.csr_array, contents: npt.NDArray[np.bool_]) -> Values:
    """Recall of the held-out ``contents`` (a mask) only; NaN for users for whom none of these is held out.

    ``ids`` (n, k) and row i of ``held_out`` (n × contents) belong together.
    """
    part = sp.csr_array(held_out @ sp.diags_array(contents.astype(np.float32)))
    part.eliminate_zeros()
    judged_users = np.diff(part.indptr) > 0
    found = np.full(len(ids), np.nan)
    judged = judge(ids[judged_users], part[judged_users])
    found[judged_users] = (judged.gains > 0).sum(axis=1) / judged.held
    return found


def _ranges(counts: npt.NDArray[np.int64], starts: tuple[int, ...]) -> list[Group]:
    groups = []
    for low, after in zip(starts, (*starts[1:], None), strict=True):
        members = (counts >= low) & (counts < after if after is not None else True)
        name = f"{low}+" if after is None else str(low) if after == low + 1 else f"{low}–{after - 1}"
        groups.append(Group(name, members))
    return [group for group in groups if group.members.any()]
