"""The one interface of every recommender: make, fit, recommend, similar_items, save and load.

Users and contents are nids of the snapshot (``graph.snapshot``). One nid in gives arrays of shape (k,), a batch of
n nids gives (n, k); missing places are -1 with score -inf.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import scipy.sparse as sp

from graph.errors import ModelError
from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints, Mask, top_k

__all__ = ["NewContent", "Placed", "Recommender"]

_BLOCK_VALUES: Final = 16_000_000
"""Scores held at once while recommending: 64 MB of float32."""
_TIMED: Final = frozenset({"half_life", "fashion"})
"""Settings that change nothing where no times are known."""


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
    space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """Setting → the values that `recommenders.core.search` tries, most important setting first."""
    trial_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings that make a trial of the search cheaper; the best of the search is fitted once without them as well."""

    _snapshot: Snapshot | None = None

    @classmethod
    def make(cls, **settings: Any) -> Self:
        """A recommender with these settings, the others at their defaults.

        Raises SettingsError for a name that it does not have and a value that it cannot have.
        """
        return cls(**settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as arguments of ``make``."""
        return {}

    @property
    def found(self) -> dict[str, Any]:
        """Settings that fitting found, for a fit on more data without a validation part: a network's epochs, say."""
        return {}

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        """`settings`, with the value for this snapshot where None leaves it to the data."""
        return self.settings

    @abstractmethod
    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        """Learn from the snapshot's edges and return self."""

    def with_settings(self, options: FitOptions | None = None, **changes: Any) -> Self:
        """Another recommender with some settings changed, fitted on the same snapshot.

        It may share what was learned where the changed settings are read only by ``scores``.
        """
        return self.make(**{**self.settings, **changes}).fit(self.snapshot, options)

    def cost(self, snapshot: Snapshot, changed: frozenset[str] | None = None) -> float:
        """Seconds that a fit would take on the reference machine, estimated from sizes alone.

        With ``changed``, that of `with_settings` for these settings. The search divides its work by it.
        """
        return 0.1

    def unsearched(self) -> frozenset[str]:
        """Settings of ``space`` that a search leaves alone on the snapshot that this one is fitted on.

        By default those that change nothing there: what fades without times, friends without follows.
        """
        without_times = frozenset() if timed(self.snapshot) else _TIMED
        return without_times | (frozenset() if len(self.snapshot.follows) else {"friends"})

    @abstractmethod
    def scores(self, users: Ints) -> Floats:
        """Score of every content for each user, shape (n, contents); higher is better; seen ones included.

        What stands in the columns of contents that are not among `known_contents` means nothing.
        """

    @property
    def known_contents(self) -> Mask | None:
        """Shape (contents,): the contents that this model can score; None for all. The others are not recommended."""
        return None

    def known_users(self, users: Ints) -> Mask:
        """Shape (n,): of which users this model knows anything; the scores of the others mean nothing."""
        return np.ones(len(users), dtype=bool)

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Score of every content, shape (contents,), for somebody whom training never saw, without training anew.

        Known of them are nids: what they ``watched``, whom they follow and who follows them, any of these empty; and
        their ``properties`` in the graph. None from a model that can make nothing of what there is.
        """
        return None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """Vectors of contents that training never saw, without training anew; None where a model has none."""
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
        allowed: Mask | None = None,
        *,
        held_back: sp.csr_array | None = None,
        guess: bool = True,
        ties: np.random.Generator | None = None,
    ) -> tuple[Ints, Floats]:
        """The ``k`` best contents of each user, best first.

        ``allowed`` (shape (contents,)) restricts what may be returned, to one kind of content for example;
        ``held_back`` (users × contents) names what a user must not get. Users whom the model does not know, or whose
        scores are all equal, get what most people watched, scored by how many they are; with ``guess`` off, nothing.

        Equal scores are ordered by nid, or with ``ties`` in an order that it draws anew for each user: to judge models
        fairly, as nids follow the files, which often list what is popular first.
        """
        batch = np.atleast_1d(np.asarray(users, dtype=np.int64))
        watched = self.snapshot.watched
        width = self.snapshot.contents.count
        unknown = None if self.known_contents is None else ~self.known_contents
        ids = np.full((len(batch), k), -1, dtype=np.int64)
        best = np.full((len(batch), k), -np.inf, dtype=np.float32)
        block = max(1, _BLOCK_VALUES // max(1, width))
        for start in range(0, len(batch), block):
            rows = batch[start : start + block]
            scores = np.array(self.scores(rows), dtype=np.float32)
            if unknown is not None:
                scores[:, unknown] = -np.inf
            silent = ~self.known_users(rows) | _all_equal(scores)
            if silent.any():
                scores[silent] = np.diff(watched.incoming.indptr) if guess else -np.inf
            if exclude_seen:
                for row, user in enumerate(rows):
                    scores[row, watched.target[watched.indptr[user] : watched.indptr[user + 1]]] = -np.inf
            if held_back is not None:
                scores[held_back[rows].nonzero()] = -np.inf
            if allowed is not None:
                scores[:, ~allowed] = -np.inf
            if ties is None:
                chosen, values = top_k(scores, k)
            else:
                order = ties.permuted(np.tile(np.arange(width, dtype=np.int32), (len(rows), 1)), axis=1)
                places, values = top_k(np.take_along_axis(scores, order, axis=1), k)
                chosen = np.take_along_axis(order, np.maximum(places, 0), axis=1).astype(np.int64)
                chosen[places < 0] = -1
            ids[start : start + block, : chosen.shape[1]] = chosen
            best[start : start + block, : chosen.shape[1]] = values
        return (ids[0], best[0]) if np.ndim(users) == 0 else (ids, best)


def _all_equal(scores: Floats) -> Mask:
    """Rows, shape (n,), whose finite scores do not differ."""
    finite = np.isfinite(scores)
    highest = np.where(finite, scores, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(finite, scores, np.inf).min(axis=1, initial=np.inf)
    return np.asarray(lowest >= highest)
