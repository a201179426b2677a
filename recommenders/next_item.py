"""Base of the models of sequences: they continue a list; the list of a user are the user's watches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline
from recommenders.core.recommender import BLOCK_VALUES
from recommenders.core.sequences import Sequences, Source, sequences_of
from recommenders.core.top_k import Floats, Ints, Mask, top_k_left

__all__ = ["Context", "SequenceModel"]

Context = Literal["last", "all"]


@dataclass
class SequenceModel(Baseline):
    """Base of the recommenders that learn from `recommenders.core.sequences` and rank the next item.

    A subclass writes ``list_scores``.
    """

    source: Source = "auto"
    """Which lists it learns from; see `recommenders.core.sequences.sequences_of`."""

    name: ClassVar[str]
    learns_from_lists: ClassVar[bool] = True

    @abstractmethod
    def list_scores(self, lists: Sequences) -> Floats:
        """Score of every content as the next item of each list, shape (n, contents); all 0 for an empty list."""

    def complete(
        self, lists: Sequences, k: int, *, exclude: Literal["all", "last"] = "all", allowed: Mask | None = None
    ) -> tuple[Ints, Floats]:
        """See `Recommender.complete`: the `list_scores` of the list as it stands."""
        ids = np.full((len(lists), k), -1, dtype=np.int64)
        best = np.full((len(lists), k), -np.inf, dtype=np.float32)
        block = max(1, BLOCK_VALUES // max(1, lists.width))
        for start in range(0, len(lists), block):
            part = lists.take(np.arange(start, min(start + block, len(lists))))
            scores = np.array(self.list_scores(part), dtype=np.float32)
            seen = part.rows, part.items
            if exclude == "last":
                filled = np.flatnonzero(part.lengths)
                seen = filled, part.last()[filled]
            ids[start : start + block], best[start : start + block] = top_k_left(
                scores, k, seen, self.known_contents, allowed
            )
        return ids, best

    def _sequences(self, snapshot: Snapshot) -> Sequences:
        return sequences_of(snapshot, self.source)

    @cached_property
    def _history(self) -> Sequences:
        return sequences_of(self.snapshot, "watches")

    def scores(self, users: Ints) -> Floats:
        """The `list_scores` of each user's watches in the order of time."""
        return self.list_scores(self._history.take(np.asarray(users, dtype=np.int64)))

    def known_users(self, users: Ints) -> Mask:
        """Users who watched something."""
        return np.asarray(self._history.lengths[users] > 0)

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The `list_scores` of ``watched`` as a list."""
        if not len(watched):
            return None
        scores: Floats = self.list_scores(Sequences.of([watched], self.snapshot.contents.count))[0]
        return scores
