"""The tiny graph with a knowable right answer: two cliques of friends, even and odd keaks, one withheld watch a user.

Even users follow each other and watch every even keak but their own (the keak with their number); odd users likewise.
So the best keak for user ``u`` is keak ``u``, the people to meet are of one's own parity, and everyone's friends
watched what one has not.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY

SIZE = 20


def users(size: int = SIZE) -> list[str]:
    """Bare user ids, in nid order."""
    return [f"u{n:03d}" for n in range(size)]


def contents(size: int = SIZE) -> list[str]:
    """Prefixed content ids, in nid order; number n is the withheld keak of user n."""
    return [f"keaks/k{n:03d}" for n in range(size)]


def watched_pairs(size: int = SIZE) -> list[tuple[int, int]]:
    return [(u, k) for u in range(size) for k in range(size) if u % 2 == k % 2 and u != k]


def follow_pairs(size: int = SIZE) -> list[tuple[int, int]]:
    return [(u, v) for u in range(size) for v in range(size) if u % 2 == v % 2 and u != v]


def snapshot(size: int = SIZE, *, timed: bool = False) -> Snapshot:
    """The checkerboard as a snapshot in memory; ``timed``, with a day for every watch and follow."""

    rng = np.random.default_rng(0)

    def frame(pairs: list[tuple[int, int]], time: str) -> pl.DataFrame:
        source, target = np.array(pairs, dtype=np.int32).T
        days = rng.permutation(len(pairs)) * DAY
        return pl.DataFrame({"source": source, "target": target} | ({time: days} if timed else {}))

    return Snapshot.build(
        {"User": pl.DataFrame({"userId": users(size)}), "Content": pl.DataFrame({"contentId": contents(size)})},
        {"WATCHED": frame(watched_pairs(size), "lastAt"), "FOLLOWS": frame(follow_pairs(size), "since")},
    )
