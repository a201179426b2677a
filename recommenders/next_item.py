"""Base of the models of sequences: they continue a list; the list of a user are the user's watches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal

import numpy as np

from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Floats, Ints, Mask, top_k
from recommenders.sequences import Sequences, Source, sequences_of

__all__ = ["Context", "Continues", "SequenceModel", "complete"]

Context = Literal["last", "all"]
_BLOCK_VALUES: Final = 4_000_000
"""Scores held at once: 16 MB of float32, which malloc uses again instead of asking for new pages."""


class Continues:
    """Continues lists of contents. A subclass writes ``list_scores`` and has a ``snapshot``."""

    @abstractmethod
    def list_scores(self, lists: Sequences) -> Floats:
        """Score of every content as the next item of each list, shape (n, contents); all 0 for an empty list."""

    def complete(
        self, lists: Sequences, k: int, *, exclude: Literal["all", "last"] = "all", allowed: Mask | None = None
    ) -> tuple[Ints, Floats]:
        """The ``k`` best next contents of each list, best first, shapes (n, k); -1 and -inf where there are fewer.

        Contents of the list are left out; with ``exclude`` "last" only its last content. ``allowed`` is a mask
        (contents,) of the contents that may be returned.
        """
        ids = np.full((len(lists), k), -1, dtype=np.int64)
        best = np.full((len(lists), k), -np.inf, dtype=np.float32)
        block = max(1, _BLOCK_VALUES // max(1, lists.width))
        for start in range(0, len(lists), block):
            part = lists.take(np.arange(start, min(start + block, len(lists))))
            scores = np.array(self.list_scores(part), dtype=np.float32)
            if exclude == "all":
                scores[part.rows, part.items] = -np.inf
            else:
                filled = np.flatnonzero(part.lengths)
                scores[filled, part.last()[filled]] = -np.inf
            if allowed is not None:
                scores[:, ~allowed] = -np.inf
            found, values = top_k(scores, k)
            ids[start : start + block, : found.shape[1]] = found
            best[start : start + block, : found.shape[1]] = values
        return ids, best


@dataclass
class SequenceModel(Continues, Baseline):
    """Base of the recommenders that learn from `recommenders.sequences` and rank the next item."""

    source: Source = "auto"
    """Which lists it learns from; see `recommenders.sequences.sequences_of`."""

    name: ClassVar[str]

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


def complete(model: Recommender, lists: Sequences, k: int, allowed: Mask | None = None) -> tuple[Ints, Floats]:
    """The ``k`` best next contents of each list by any model; shapes (lists, k), -1 and -inf where there are fewer.

    A model of sequences continues the list; any other model treats it as the watches of a newcomer. ``allowed``
    (contents,) says which may be returned.
    """
    if isinstance(model, Continues):
        return model.complete(lists, k, allowed=allowed)
    nobody = np.empty(0, dtype=np.int64)
    ids = np.full((len(lists), k), -1, dtype=np.int64)
    best = np.full((len(lists), k), -np.inf, dtype=np.float32)
    for row in range(len(lists)):
        scores = model.newcomer_scores(np.unique(lists[row]), nobody, nobody)
        if scores is not None:
            scores = np.array(scores, dtype=np.float32)
            scores[lists[row]] = -np.inf
            if model.known_contents is not None:
                scores[~model.known_contents] = -np.inf
            if allowed is not None:
                scores[~allowed] = -np.inf
            found, values = top_k(scores[None, :], k)
            ids[row, : found.shape[1]], best[row, : found.shape[1]] = found[0], values[0]
    return ids, best
