"""Recommend to every user of a snapshot at once, into a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse as sp

from graph import aside, schema
from graph.errors import InputError
from graph.snapshot import Snapshot
from recommend import filters
from recommend.marks import taken_down
from recommend.restrictions import Recent
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Mask
from recommenders.play_cf import write_lists

__all__ = ["permitted", "write_all", "write_tracks"]

_BLOCK: Final = 1_024
_PREFIX: Final = f"^({'|'.join(schema.CONTENT_PREFIXES)})"
"""The prefix that tells kinds apart; slashes after it belong to the id."""


def write_all(
    model: Recommender,
    path: Path,
    k: int,
    *,
    kind: str | None = None,
    bare: bool = False,
    recent: Recent | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Write ``{"user": id, "items": [ids, best first]}`` for every user, one a line; the number of lines.

    At most ``k`` contents of ``kind`` (both when None), without those that a filter holds back as of the snapshot and
    of ``recent``: seen, own, hidden, of blocked people, or taken down. User ids are bare, content ids prefixed unless
    ``bare``. Written aside and renamed. ``progress`` is called with the number of users of each block. Raises
    sqlite3.Error when ``recent`` cannot be read.
    """
    snapshot = model.snapshot
    users = snapshot.users.ids
    contents = snapshot.contents.ids
    written = contents.str.replace(_PREFIX, "") if bare else contents
    names = np.array(written.to_list(), dtype=object)
    allowed, held_back = permitted(snapshot, recent, kind)
    with aside.file(path) as fresh, fresh.open("w", encoding="utf-8") as out:
        for start in range(0, len(users), _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(users)))
            found, _ = model.recommend(block, k, allowed=allowed, held_back=held_back)
            for user, row in zip(users.gather(block).to_list(), found, strict=True):
                out.write(json.dumps({"user": user, "items": names[row[row >= 0]].tolist()}, ensure_ascii=False))
                out.write("\n")
            if progress:
                progress(len(block))
    return len(users)


def permitted(snapshot: Snapshot, recent: Recent | None, kind: str | None = None) -> tuple[Mask | None, sp.csr_array]:
    """What a filter lets through, as ``allowed`` and ``held_back`` of `Recommender.recommend`.

    The filters are those of `write_all`. Raises sqlite3.Error when ``recent`` cannot be read.
    """
    held_back = filters.held_back(snapshot, *(recent.standing() if recent else ()))
    gone = _gone(snapshot, recent)
    allowed = None if kind is None else snapshot.kinds == kind
    if gone.any():
        allowed = ~gone if allowed is None else allowed & ~gone
    return allowed, held_back


def _gone(snapshot: Snapshot, recent: Recent | None) -> Mask:
    """Whether each content is taken down, as of the snapshot and of ``recent``."""
    return taken_down(snapshot, recent.taken_down()) if recent else taken_down(snapshot)


def write_tracks(model: Recommender, path: Path, k: int, *, heard: bool = False, recent: Recent | None = None) -> int:
    """Write ``{"user": int, "tracks": [ints, best first]}`` for every user, one a line; the number of lines.

    ``heard`` lets tracks that the user played stand in the list; otherwise the filters are those of `write_all`.
    Play-cf fills a list with fewer than ``k`` tracks of a score with those that most users played; of other models it
    may be shorter. Raises InputError where ids of users or tracks are no integers, or where contents are of several
    kinds, whose numbers may be the same, and sqlite3.Error when ``recent`` cannot be read.
    """
    snapshot = model.snapshot
    if len(kinds := sorted(set(snapshot.kinds.tolist()))) > 1:
        raise InputError(f"Numbers cannot tell {' from '.join(kinds)}.", do="Leave --ids numbers out.")
    users = snapshot.users.ids
    tracks = snapshot.contents.ids.str.replace(_PREFIX, "")
    for what, ids in (("users", users), ("contents", tracks)):
        strange = ids.filter(~ids.str.contains(r"^(0|[1-9][0-9]*)$"))
        if len(strange):
            raise InputError(f"The id {strange[0]!r} of {what} is no integer.", do="Leave --ids numbers out.")
    blocked, hid, seen = recent.standing() if recent else ((), (), ())
    held_back = filters.held_back(snapshot, blocked, hid, () if heard else seen)
    gone = _gone(snapshot, recent)
    most = int(gone.sum()) + int(np.diff(held_back.indptr).max(initial=0))
    asked = max(k, min(k + most, snapshot.contents.count))
    lists = model.recommend_all(asked, heard=heard)
    if most:
        barred = gone[lists]  # of -1 too, which stays what it is
        for user in np.flatnonzero(np.diff(held_back.indptr)).tolist():
            barred[user] |= np.isin(lists[user], held_back.indices[held_back.indptr[user] : held_back.indptr[user + 1]])
        lists = np.where(barred, -1, lists)
        lists = np.take_along_axis(lists, np.argsort(lists < 0, axis=1, kind="stable"), axis=1)[:, :k]
    write_lists(path, users.to_list(), tracks.to_list(), lists)
    return len(users)
