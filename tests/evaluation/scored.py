"""A recommender whose scores are given, and small snapshots with times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from graph.snapshot import Snapshot
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Floats, Ints


class Scored(Recommender):
    """Scores every content for every user by ``rule(users, contents)``, without learning."""

    name = "scored"

    def __init__(self, rule: Callable[[Ints, Ints], np.ndarray]) -> None:
        self.rule = rule

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        self._snapshot = snapshot
        return self

    def scores(self, users: Ints) -> Floats:
        contents = np.arange(self.snapshot.contents.count)
        return np.broadcast_to(self.rule(users[:, None], contents[None, :]), (len(users), len(contents))).astype("f4")

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        raise NotImplementedError

    def save(self, path: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        raise NotImplementedError


class Counted(Scored):
    """Popularity in three lines: how often each content is watched in what it was fitted on."""

    def __init__(self) -> None:
        super().__init__(lambda users, contents: self.watchers[contents])

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        self.watchers = np.bincount(snapshot.watched.target, minlength=snapshot.contents.count)
        return super().fit(snapshot, options)


def network(
    watches: list[tuple[int, int, int]], follows: Sequence[tuple[int, int]] = (), *, users: int = 0, contents: int = 0
) -> Snapshot:
    """Watches are (user, content, time in ms), each with an engagement of its own; follows have no time."""
    watched = pl.DataFrame(
        {
            "source": [w[0] for w in watches],
            "target": [w[1] for w in watches],
            "lastAt": [w[2] for w in watches],
        },
        schema={"source": pl.Int32, "target": pl.Int32, "lastAt": pl.Int64},
    )
    followed = pl.DataFrame(
        {"source": [f[0] for f in follows], "target": [f[1] for f in follows]},
        schema={"source": pl.Int32, "target": pl.Int32},
    )
    users = max(users, 1 + max((w[0] for w in watches), default=0))
    contents = max(contents, 1 + max((w[1] for w in watches), default=0))
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": [f"u{n}" for n in range(users)]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/k{n}" for n in range(contents)]}),
        },
        {"WATCHED": watched, "FOLLOWS": followed},
    )
