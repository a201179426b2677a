"""The interface of every recommender: make, fit, recommend, similar_items, save and load.

Users and contents are nids of the snapshot (``graph.snapshot``). For one nid the result has shape (k,), for n nids
(n, k). If there are fewer than k contents, the rest is -1 with score -inf.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
import scipy.sparse as sp

from graph.errors import ModelError
from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from graph.snapshot.arrays import Csr
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.one_user import OneUser
from recommenders.core.options import FitOptions
from recommenders.core.sequences import Sequences
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, Mask, all_equal, top_k, top_k_left

__all__ = ["BLOCK_VALUES", "NewContent", "Placed", "Recommender"]

BLOCK_VALUES: Final = 4_000_000
"""Scores held at once while recommending: 16 MB of float32, which malloc uses again instead of asking for new pages."""


@dataclass(frozen=True)
class NewContent:
    """Properties and neighbours of a content that came after the training."""

    properties: Mapping[str, Any]
    near: Mapping[str, Ints]
    """Relationship type → nids of the nodes at the other end: users who WATCHED or MADE it, genres it HAS_GENRE …"""


@dataclass(frozen=True)
class Placed:
    """Vectors of new contents, comparable with those of the users and contents of the training."""

    users: Floats
    """Vectors of the users, (U, dim)."""
    known: Floats
    """Vectors of the contents of the training, (C, dim)."""
    known_bias: Floats
    """Bias of each of these contents, added to its product with a user, (C,)."""
    contents: Floats
    """Vectors of the new contents, (n, dim)."""
    bias: float
    """Bias of every new content."""

    def scores(self, users: Ints | int) -> Floats:
        """Score of each of the new contents for one user, shape (n,), or for several, (users, n)."""
        return np.asarray(self.users[users] @ self.contents.T + np.float32(self.bias), dtype=np.float32)

    def above(self, user: int, seen: Ints, most: int) -> Ints:
        """For each new content the number of known contents with a higher score, (n,), not counting ``seen``.

        Numbers above ``most`` are given as ``most``.
        """
        known = self.known @ self.users[user] + self.known_bias
        known[seen] = -np.inf
        count = min(most, len(known))
        best = np.sort(np.partition(known, len(known) - count)[len(known) - count :])
        return np.asarray(count - np.searchsorted(best, self.scores(user), side="right"), dtype=np.int64)


class Recommender(ABC):
    """Base of every recommender. A subclass writes ``fit``, ``scores``, ``similar_items``, ``save`` and ``load``."""

    name: ClassVar[str]
    """Name on the command line and in the leaderboard."""
    has_one_user: ClassVar[bool] = False
    """Whether `one_user` gives its form of one user's scores."""
    trains_together: ClassVar[bool] = False
    """Whether several processes (`gnn.processes`) can train it together."""
    learns_from_lists: ClassVar[bool] = False
    """Whether it learns from ordered lists, of which playlists alone are enough, and continues any list."""
    space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """Setting → the values that `recommenders.core.search` tries, most important setting first."""
    zero_is_never: ClassVar[frozenset[str]] = frozenset({"half_life"})
    """Settings in days whose 0 means never, so that the search takes it for more than every number of days."""
    need_times: ClassVar[frozenset[str]] = frozenset()
    """Settings without effect on a graph without times."""
    need_follows: ClassVar[frozenset[str]] = frozenset()
    """Settings without effect on a graph without follows."""
    late: ClassVar[frozenset[str]] = frozenset()
    """Settings that only ``scores`` reads: `with_settings` changes them without a new fit."""
    share_of_work: ClassVar[float] = CORE.single_share
    """Share of a comparison's work that the search, and then the fit, of this model alone may each take."""
    trial_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings that make a trial of the search cheaper; the best trial is fitted once more without them."""

    metrics: Mapping[str, Any] = MappingProxyType({})
    """What the fit measured and chose on a validation part, for the report of a training; empty for nothing."""
    seconds: Mapping[str, Any] = MappingProxyType({})
    """Seconds of the steps behind `metrics`, for people to read."""
    _snapshot: Snapshot | None = None

    @classmethod
    def make(cls, **settings: Any) -> Self:
        """A recommender with these settings and defaults for the others.

        Raises SettingsError for an unknown setting and for an invalid value.
        """
        return cls(**settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as arguments of ``make``."""
        return {}

    @property
    def fitted_settings(self) -> dict[str, Any]:
        """Settings found by the fit, such as a network's epochs, to be given to a fit without a validation part."""
        return {}

    @property
    def told(self) -> str:
        """What fitting found, in a sentence or two for a person; empty for nothing."""
        return ""

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        """`settings` with every None replaced by its value for this snapshot."""
        return self.settings

    @abstractmethod
    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        """Learn from the snapshot's edges and return self."""

    def with_settings(self, options: FitOptions | None = None, **changes: Any) -> Self:
        """Another recommender with some settings changed, fitted on the same snapshot.

        It may share the learned arrays if only ``scores`` reads the changed settings.
        """
        return self.make(**{**self.settings, **changes}).fit(self.snapshot, options)

    def cost(self, snapshot: Snapshot, changed: frozenset[str] | None = None) -> float:
        """Seconds that a fit takes on the reference machine, estimated from sizes alone.

        With ``changed`` it is the cost of `with_settings` for these settings. The search counts its work in it.
        """
        return COSTS.any_fit

    def unsearched(self) -> frozenset[str]:
        """Settings of ``space`` that a search skips on the fitted snapshot.

        By default those without effect there: `need_times` and `need_follows`.
        """
        without_times = frozenset() if timed(self.snapshot) else self.need_times
        return without_times | (frozenset() if len(self.snapshot.follows) else self.need_follows)

    @abstractmethod
    def scores(self, users: Ints) -> Floats:
        """Score of every content for each user, shape (n, contents), seen contents included; higher is better.

        Scores of contents outside `known_contents` and of users outside `known_users` have no meaning.
        """

    @property
    def known_contents(self) -> Mask | None:
        """Mask (contents,) of the contents that this model can score; None for all. It recommends no others."""
        return None

    def known_users(self, users: Ints) -> Mask:
        """Mask (n,) of the ``users`` that this model can score."""
        return np.ones(len(users), dtype=bool)

    @property
    def places_newcomers(self) -> bool:
        """Whether the fitted model learned to place users by their profile and follows alone."""
        return False

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Score of every content, shape (contents,), for a user who came after the training, without another fit.

        ``watched``, ``follows`` and ``followers`` are nids, each possibly empty; ``properties`` are those of the user
        in the graph. None if the model cannot score anything from these.
        """
        return None

    def moved_scores(self, today: Today) -> Floats | None:
        """Score of every content, shape (contents,), for a known user by what they have done by now, without a fit.

        Where nothing happened since the training these are the user's `scores`. None if the model does not follow what
        its users do, or did not know the user: then `scores` are all it has.
        """
        return None

    def one_user(self, user: int, today: Today | None = None) -> OneUser:
        """The `scores` of a known user, or with ``today`` the `moved_scores`, without writing one for every content.

        Raises NotImplementedError unless the model `has_one_user`.
        """
        raise NotImplementedError

    def shortlist(self, user: int, today: Today | None = None, least: float = 0.0) -> tuple[Ints, Floats] | None:
        """The unseen contents that a model with a second stage ranks for a known user, best first, and their scores.

        All other contents come after them in `recommend` or, with ``today``, in `moved_scores`. Costs what these
        contents cost, not the whole catalogue. None if the model has no such list for the user, or never one of
        ``least`` contents.
        """
        return None

    @property
    def content_vectors(self) -> Floats | None:
        """Vectors of all contents, (contents, dim), whose cosines say how alike two are; None if the model has none.

        A vector of zeros says nothing of its content.
        """
        return None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """Vectors of contents that came after the training, without another fit; None if the model has no vectors."""
        return None

    @abstractmethod
    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` contents nearest to each item, without the item itself; -1 for one with nothing in common with it.

        What is nearest has the highest score, which may be 0 or less.
        """

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the model to a temporary folder and rename it to ``path``."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        """Read what ``save`` wrote. Raises ModelMismatch if the model was trained on another graph."""

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

        ``allowed`` is a mask (contents,) of the contents that may be returned, such as one kind of content;
        ``held_back`` (users × contents) marks pairs that must not be returned. Users whom the model does not know, and
        users to whom it scores all contents the same (of those they have not seen, with ``exclude_seen``), get the
        contents with the most watchers, scored by their number; without ``guess`` they get nothing.

        Equal scores are ordered by nid, or with ``ties`` in a random order drawn anew for each user. Judging needs the
        random order: nids follow the files, which often list popular contents first.
        """
        batch = np.atleast_1d(np.asarray(users, dtype=np.int64))
        watched = self.snapshot.watched
        width = self.snapshot.contents.count
        unknown = None if self.known_contents is None else ~self.known_contents
        ids = np.full((len(batch), k), -1, dtype=np.int64)
        best = np.full((len(batch), k), -np.inf, dtype=np.float32)
        block = max(1, BLOCK_VALUES // max(1, width))
        for start in range(0, len(batch), block):
            rows = batch[start : start + block]
            scores = np.array(self.scores(rows), dtype=np.float32)
            if unknown is not None:
                scores[:, unknown] = -np.inf
            if exclude_seen:
                _leave_out(scores, range(len(rows)), watched.outgoing, rows)
            silent = ~self.known_users(rows) | all_equal(scores)
            if silent.any():
                scores[silent] = np.diff(watched.incoming.indptr) if guess else -np.inf
                if exclude_seen:
                    _leave_out(scores, np.flatnonzero(silent), watched.outgoing, rows)
            if held_back is not None:
                scores[held_back[rows].nonzero()] = -np.inf
            if allowed is not None:
                scores[:, ~allowed] = -np.inf
            ids[start : start + block], best[start : start + block] = top_k(scores, k, ties)
        return (ids[0], best[0]) if np.ndim(users) == 0 else (ids, best)

    def recommend_all(self, k: int, *, heard: bool = False) -> Ints:
        """The ``k`` best contents of every user, shape (users, k); -1 where there are fewer.

        ``heard`` lets contents that the user watched stand in the list.
        """
        return self.recommend(np.arange(self.snapshot.users.count), k, exclude_seen=not heard)[0]

    def complete(
        self, lists: Sequences, k: int, *, exclude: Literal["all", "last"] = "all", allowed: Mask | None = None
    ) -> tuple[Ints, Floats]:
        """The ``k`` best next contents of each list, best first, shapes (lists, k); -1 and -inf where there are fewer.

        Contents of the list are left out; with ``exclude`` "last" only its last content. ``allowed`` is a mask
        (contents,) of the contents that may be returned. A model that does not learn from lists treats a list as the
        watches of a newcomer.
        """
        nobody = np.empty(0, dtype=np.int64)
        ids = np.full((len(lists), k), -1, dtype=np.int64)
        best = np.full((len(lists), k), -np.inf, dtype=np.float32)
        for row in range(len(lists)):
            scores = self.newcomer_scores(np.unique(lists[row]), nobody, nobody)
            if scores is not None:
                own = np.array(scores, dtype=np.float32)[None, :]
                seen = 0, lists[row] if exclude == "all" else lists[row][-1:]
                ids[row : row + 1], best[row : row + 1] = top_k_left(own, k, seen, self.known_contents, allowed)
        return ids, best


def _leave_out(scores: Floats, places: Iterable[int], watched: Csr, users: Ints) -> None:
    """Give what ``users[place]`` watched the score -inf in the rows ``places``."""
    for place in places:
        scores[place, watched.of(users[place])] = -np.inf
