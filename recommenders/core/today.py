"""What a user whom a model knows has done by now, beside what the model learned from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import scipy.sparse as sp

from graph.snapshot import Snapshot
from graph.snapshot.ages import watch_span
from recommenders.core.interactions import interactions, one_row, rows_of
from recommenders.core.top_k import Floats, Ints

__all__ = ["Today", "followed"]

_SAME: Final = 1e-5
"""Engagements that differ by less are the same: the graph keeps more digits than the snapshot."""


@dataclass(frozen=True)
class Today:
    """All that one user watched and whom they follow, as of now. Contents and people are nids of the snapshot."""

    snapshot: Snapshot
    user: int
    watched: Ints
    """Contents, ascending, each once."""
    engagement: Floats
    """The engagement of each, as in `recommenders.core.interactions.interactions`."""
    follows: Ints
    """People, ascending, each once."""

    @classmethod
    def of(cls, snapshot: Snapshot, user: int) -> Self:
        """The user's state in the snapshot: nothing happened since."""
        row = rows_of(interactions(snapshot), np.array([user]))
        return cls(snapshot, user, row.indices.astype(np.int64), row.data, followed(snapshot, user))

    def with_watches(self, contents: Ints, engagement: Floats) -> Self:
        """The same after further watches; a content that was watched before has the new engagement."""
        found = dict(zip(self.watched.tolist(), self.engagement.tolist(), strict=True))
        found |= dict(zip(contents.tolist(), engagement.tolist(), strict=True))
        watched = np.array(sorted(found), dtype=np.int64)
        values = np.array([found[content] for content in watched.tolist()], dtype=np.float32)
        return type(self)(self.snapshot, self.user, watched, values, self.follows)

    @cached_property
    def row(self) -> sp.csr_array:
        """The user's row of `interactions` as of now, shape (1, contents)."""
        return one_row(self.watched, self.engagement.astype(np.float32), self.snapshot.contents.count)

    @cached_property
    def change(self) -> sp.csr_array:
        """`row` less the row that the model learned from, shape (1, contents); without entries that did not change."""
        before = rows_of(interactions(self.snapshot), np.array([self.user]))
        contents = np.union1d(before.indices, self.watched)
        engagement = np.zeros(len(contents), dtype=np.float32)
        engagement[np.searchsorted(contents, self.watched)] = self.engagement
        engagement[np.searchsorted(contents, before.indices)] -= before.data
        moved = np.abs(engagement) >= _SAME
        return one_row(contents[moved], engagement[moved], before.shape[1])

    @property
    def is_new(self) -> bool:
        """Whether anything differs from what the model learned from."""
        return bool(self.change.nnz) or not np.array_equal(self.follows, followed(self.snapshot, self.user))

    @cached_property
    def places(self) -> Ints:
        """The row of each watch in the snapshot's ``WATCHED``; -1 if it is new or has another engagement."""
        watched = self.snapshot.watched
        start, stop = watched.indptr[self.user], watched.indptr[self.user + 1]
        place = dict(zip(watched.target[start:stop].tolist(), range(start, stop), strict=True))
        changed = set(self.change.indices.tolist())
        found = [-1 if content in changed else place.get(content, -1) for content in self.watched.tolist()]
        return np.array(found, dtype=np.int64)

    def fading(self, half_life: float) -> Floats:
        """Weight of each watch: half after ``half_life`` days, 1 for a new one; 1 for 0 or without times."""
        weights = np.ones(len(self.watched), dtype=np.float32)
        span = watch_span(self.snapshot) if half_life else None
        if span is not None:
            old = self.places >= 0
            at = np.asarray(self.snapshot.watched.columns["lastAt"][self.places[old]])
            weights[old] = np.exp2(span.days(at) / np.float32(-half_life))
        return weights


def followed(snapshot: Snapshot, user: int) -> Ints:
    """Whom the user follows as the snapshot has it, ascending, each once."""
    follows = snapshot.follows
    return np.unique(follows.target[follows.indptr[user] : follows.indptr[user + 1]]).astype(np.int64)
