"""The one interface of every recommender: fit, recommend, similar_items, save and load.

Users and contents are nids of the snapshot (``graph.snapshot``). One nid in gives arrays of shape (k,), a batch of
n nids gives (n, k); missing places are -1 with score -inf.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph.errors import ModelError
from graph.snapshot import Snapshot

__all__ = ["Floats", "Ints", "NewContent", "Placed", "Progress", "Recommender", "top_k"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""

_BLOCK_VALUES = 32_000_000
"""Scores held at once while recommending: 128 MB of float32."""


@dataclass(frozen=True)
class NewContent:
    """What the graph knows of a content that came after the training."""

    properties: Mapping[str, Any]
    near: Mapping[str, Ints]
    """By relationship type, nids of the nodes at the other end: users who WATCHED or MADE it, genres it HAS_GENRE …"""


@dataclass(frozen=True)
class Placed:
    """Contents that training never saw, as vectors beside those of the users and contents that it saw."""

    users: Floats
    """Shape (U, dim)."""
    known: Floats
    """Of the contents that it saw, (C, dim)."""
    known_bias: Floats
    """What each of these has added to its product with a user, (C,)."""
    contents: Floats
    """Of the new ones, (n, dim)."""
    bias: float
    """What each of the new ones has added."""

    def scores(self, users: Ints | int) -> Floats:
        """Score of each of the new contents for one user, shape (n,), or for several, (users, n)."""
        return np.asarray(self.users[users] @ self.contents.T + np.float32(self.bias), dtype=np.float32)

    def above(self, user: int, seen: Ints, most: int) -> Ints:
        """How many contents that training saw score above each of the new ones, (n,), but for those ``seen``.

        ``most`` where these are so many or more.
        """
        known = self.known @ self.users[user] + self.known_bias
        known[seen] = -np.inf
        count = min(most, len(known))
        best = np.sort(np.partition(known, len(known) - count)[len(known) - count :])
        return np.asarray(count - np.searchsorted(best, self.scores(user), side="right"), dtype=np.int64)


class Recommender(ABC):
    """Base of every recommender. A subclass writes ``fit``, ``scores``, ``similar_items``, ``save`` and ``load``."""

    name: ClassVar[str]
    """As the command line and the leaderboard spell it."""
    trains_together: ClassVar[bool] = False
    """Whether several processes (`gnn.processes`) can train it."""

    _snapshot: Snapshot | None = None

    @abstractmethod
    def fit(self, snapshot: Snapshot, progress: Progress | None = None) -> Self:
        """Learn from the snapshot's edges and return self."""

    @abstractmethod
    def scores(self, users: Ints) -> Floats:
        """Score of every content for each user, shape (n, contents); higher is better; seen ones included."""

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Score of every content, shape (contents,), for somebody whom training never saw, without training anew.

        Known of them are nids: what they ``watched``, whom they follow and who follows them, any of these empty; and
        their ``properties`` in the graph. None from a model that can make nothing of what there is.
        """
        return None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """Where contents belong that training never saw, without training anew; None from a model that cannot tell."""
        return None

    @abstractmethod
    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` nearest contents of each item, itself left out."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the model to the folder ``path``, aside first."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        """Read what ``save`` wrote. Raises ModelMismatch when it was trained on another graph."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the model was fitted on or loaded with."""
        if self._snapshot is None:
            raise ModelError(f"{self.name} is not fitted yet.", do="Call fit or load first.")
        return self._snapshot

    def recommend(
        self,
        users: Ints | int,
        k: int,
        exclude_seen: bool = True,
        allowed: npt.NDArray[np.bool_] | None = None,
        *,
        held_back: sp.csr_array | None = None,
        guess: bool = True,
    ) -> tuple[Ints, Floats]:
        """The ``k`` best contents of each user, best first.

        ``allowed`` (shape (contents,)) restricts what may be returned, to one kind of content for example;
        ``held_back`` (users × contents) names what a user must not get. Whose scores are all equal gets what most
        people watched, scored by how many they are; with ``guess`` off, nothing.
        """
        batch = np.atleast_1d(np.asarray(users, dtype=np.int64))
        watched = self.snapshot.watched
        width = self.snapshot.contents.count
        ids = np.full((len(batch), k), -1, dtype=np.int64)
        best = np.full((len(batch), k), -np.inf, dtype=np.float32)
        block = max(1, _BLOCK_VALUES // max(1, width))
        for start in range(0, len(batch), block):
            rows = batch[start : start + block]
            scores = np.array(self.scores(rows), dtype=np.float32)
            silent = scores.min(axis=1, initial=np.inf) >= scores.max(axis=1, initial=-np.inf)
            if silent.any():
                scores[silent] = np.diff(watched.incoming.indptr) if guess else -np.inf
            if exclude_seen:
                for row, user in enumerate(rows):
                    scores[row, watched.target[watched.indptr[user] : watched.indptr[user + 1]]] = -np.inf
            if held_back is not None:
                scores[held_back[rows].nonzero()] = -np.inf
            if allowed is not None:
                scores[:, ~allowed] = -np.inf
            found, values = top_k(scores, k)
            ids[start : start + block, : found.shape[1]] = found
            best[start : start + block, : found.shape[1]] = values
        return (ids[0], best[0]) if np.ndim(users) == 0 else (ids, best)


def top_k(scores: Floats, k: int) -> tuple[Ints, Floats]:
    """Columns and values of the ``k`` highest scores of each row, best first, ties by lower column.

    Shape (n, min(k, columns)). Scores of -inf come back as column -1.
    """
    k = min(k, scores.shape[1])
    part = np.argpartition(-scores, k - 1, axis=1)[:, :k] if k < scores.shape[1] else np.argsort(-scores, axis=1)
    part.sort(axis=1)
    values = np.take_along_axis(scores, part, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    ids = np.take_along_axis(part, order, axis=1).astype(np.int64)
    ids[np.isneginf(values)] = -1
    return ids, values
