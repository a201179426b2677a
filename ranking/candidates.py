"""Candidates of many users at once: the best contents of every model, scored by every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graph import schema
from graph.snapshot import Snapshot
from graph.snapshot.ages import ages, timed
from graph.snapshot.derived import derived
from graph.snapshot.profiles import profiles
from ranking.config import CONFIG
from recommenders.content_similarity import traits
from recommenders.core.interactions import directed_social, interactions, lately, symmetric_social
from recommenders.core.ndcg import values_at
from recommenders.core.options import Progress, silent
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints, Mask, top_k_left

__all__ = ["Candidates", "Context", "collect", "gather", "standardise", "standardised"]

_BLOCK_VALUES: Final = 40_000_000
"""Scores of all models held at once: 160 MB of float32."""


@dataclass(frozen=True)
class Candidates:
    """Candidate contents; those of user ``users[i]`` are rows ``indptr[i]:indptr[i + 1]``."""

    users: Ints
    indptr: Ints
    contents: Ints
    """Shape (rows,), ascending within a user."""
    scores: Floats
    """Shape (rows, models): standardised over all contents that the user has not seen."""

    @property
    def row_user(self) -> Ints:
        """The position of each row's user in ``users``."""
        return np.repeat(np.arange(len(self.users)), np.diff(self.indptr))

    def of(self, chosen: Ints) -> Candidates:
        """Only the candidates of the users at the positions ``chosen``."""
        rows = np.concatenate([np.arange(self.indptr[i], self.indptr[i + 1]) for i in chosen] or [np.empty(0, int)])
        indptr = np.concatenate(([0], np.cumsum(np.diff(self.indptr)[chosen])))
        return Candidates(self.users[chosen], indptr, self.contents[rows], self.scores[rows])

    def keep(self, rows: npt.NDArray[np.bool_]) -> Candidates:
        """Only these rows; users without rows stay."""
        indptr = np.concatenate(([0], np.cumsum(rows)))[self.indptr]
        return Candidates(self.users, indptr, self.contents[rows], self.scores[rows])

    def gains(self, held_out: sp.csr_array) -> Floats:
        """The held-out value of each row, 0 where it was not held out; ``held_out`` is users × contents."""
        taken = sp.csr_array(held_out[self.users])
        return values_at(taken, self.row_user, self.contents).astype(np.float32)


@dataclass(frozen=True)
class Context:
    """Data on users and contents that the ranker uses besides the models' scores."""

    watched: sp.csr_array
    friends: sp.csr_array
    watchers: Floats
    """Shape (contents,)."""
    fashion: Mapping[str, Floats]
    """Name → values (contents,): recent popularity and age at the newest watch; empty without times."""
    recent: Mapping[str, sp.csr_array]
    """Half-life → users × contents, watches weighted by recency; empty without times."""
    follows: sp.csr_array
    """Users × users: 1 where the row follows the column."""
    traits: Mapping[str, sp.csr_array]
    """Trait → contents × values (`recommenders.content_similarity.traits`)."""
    user_profiles: Mapping[str, npt.NDArray[Any]]
    """`graph.snapshot.profiles` of the users, each of shape (users,)."""
    content_profiles: Mapping[str, npt.NDArray[Any]]
    """`graph.snapshot.profiles` of the contents, each of shape (contents,)."""
    weightless: Floats
    """A 1 for every watch, a 0 where its engagement is 0."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Context:
        watched = interactions(snapshot)
        counts = np.bincount(watched.indices, minlength=watched.shape[1]).astype(np.float32)
        spans = CONFIG.half_lives if timed(snapshot) else ()
        recent = {f"{days} days": lately(snapshot, days, CONFIG.forgotten) for days in spans}
        fashion = derived(snapshot, f"fashion-{spans!r}-{CONFIG.forgotten!r}", lambda: _fashion(snapshot, recent))
        friends = symmetric_social(snapshot)
        described = _profiles(snapshot)
        return cls(
            watched,
            friends,
            counts,
            fashion,
            recent,
            directed_social(snapshot),
            traits(snapshot),
            described[schema.USER],
            described[schema.CONTENT],
            derived(snapshot, "weightless", lambda: {"data": (watched.data != 0.0).astype(np.float32)})["data"],
        )

    @cached_property
    def ones(self) -> sp.csr_array:
        """``watched`` with a 1 for every watch instead of its engagement."""
        watched = self.watched
        return sp.csr_array((self.weightless, watched.indices, watched.indptr), shape=watched.shape)


def _profiles(snapshot: Snapshot) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """`graph.snapshot.profiles`, from the arrays that processes share."""

    def flat() -> dict[str, npt.NDArray[Any]]:
        both = profiles(snapshot)
        return {f"{label} {name}": values for label, found in both.items() for name, values in found.items()}

    described: dict[str, dict[str, npt.NDArray[Any]]] = {schema.USER: {}, schema.CONTENT: {}}
    for key, values in derived(snapshot, "profiles", flat).items():
        label, name = key.split(" ", 1)
        described[label][name] = values
    return described


def _fashion(snapshot: Snapshot, recent: Mapping[str, sp.csr_array]) -> dict[str, Floats]:
    days = ages(snapshot)
    if days is None:
        return {}
    first = np.zeros(snapshot.contents.count, dtype=np.float32)
    np.maximum.at(first, np.asarray(snapshot.watched.target), days)
    found: dict[str, Floats] = {}
    for span, part in recent.items():
        found[f"watches, half after {span}"] = np.asarray(part.sum(axis=0), dtype=np.float32)
    return {**found, "days since the first watch": first}


def standardised(model: Recommender, users: Ints, seen: sp.csr_array, today: Today | None = None) -> Floats:
    """The model's scores, standardised over the contents that each user has not seen; shape (n, contents).

    ``seen`` has one row for each of ``users``. Contents that the model does not know get 0, and so do all contents for
    a user whom the model does not know or for whom all scores are equal. ``today`` is that of the only user of
    ``users``, for scores as of now.
    """
    moved = model.moved_scores(today) if today else None
    if moved is not None:
        return standardise(np.array(moved[None, :], dtype=np.float32), seen, model.known_contents)
    scores = np.array(model.scores(users), dtype=np.float32)
    scores[~model.known_users(users)] = 0.0
    return standardise(scores, seen, model.known_contents)


def standardise(scores: Floats, seen: sp.csr_array, known: Mask | None = None) -> Floats:
    """`standardised` for given ``scores`` (n, contents), in place; ``known`` is a mask of contents."""
    rows = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
    columns = seen.indices
    width = scores.shape[1]
    counted = np.diff(seen.indptr)
    if known is not None:
        scores[:, ~known] = 0.0
        width = int(known.sum())
        counted = np.bincount(rows[known[columns]], minlength=len(scores))
    scores[rows, columns] = 0.0
    count = np.maximum(width - counted, 1).astype(np.float32)
    mean = scores.sum(axis=1, dtype=np.float64) / count
    scores -= mean[:, None].astype(np.float32)
    scores[rows, columns] = 0.0
    if known is not None:
        scores[:, ~known] = 0.0
    deviation = np.sqrt(np.einsum("ij,ij->i", scores, scores, dtype=np.float64) / count)
    alive = deviation > 1e-12
    scores *= np.where(alive, 1.0 / np.where(alive, deviation, 1.0), 0.0)[:, None].astype(np.float32)
    return scores


def gather(
    models: Mapping[str, Recommender],
    users: Ints,
    seen: sp.csr_array,
    depth: int,
    progress: Progress = silent,
) -> Candidates:
    """The ``depth`` best unseen contents of every model for each user, scored by all models.

    ``seen`` is users × contents of the whole graph.
    """
    width = seen.shape[1]
    size = max(1, _BLOCK_VALUES // max(1, width * len(models)))
    parts = []
    for start in range(0, len(users), size):
        batch = users[start : start + size]
        rows = sp.csr_array(seen[batch])
        tables = [standardised(model, batch, rows) for model in models.values()]
        known = [model.known_contents for model in models.values()]
        parts.append(collect(tables, batch, rows, depth, known))
        progress((start + len(batch)) / len(users), "collecting candidates")
    sizes = np.concatenate([np.diff(part.indptr) for part in parts] or [np.empty(0, dtype=np.int64)])
    return Candidates(
        users,
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.concatenate([part.contents for part in parts] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([part.scores for part in parts] or [np.empty((0, len(models)), dtype=np.float32)]),
    )


def collect(
    tables: Sequence[Floats], users: Ints, seen: sp.csr_array, depth: int, known: Sequence[Mask | None]
) -> Candidates:
    """For each user the union of the ``depth`` highest unseen columns of every table.

    Each table has one row for each of ``users``. ``known`` holds, for each table, a mask of the columns that its model
    knows; it proposes no others.
    """
    width = tables[0].shape[1]
    rows = np.repeat(np.arange(len(users)), np.diff(seen.indptr))
    keys = []
    for table, mask in zip(tables, known, strict=True):
        best, _ = top_k_left(table.copy(), depth, (rows, seen.indices), mask)
        row, place = np.nonzero(best >= 0)
        keys.append(row * width + best[row, place])
    distinct = np.unique(np.concatenate(keys))
    user, contents = np.divmod(distinct, width) if width else (distinct, distinct)
    indptr = np.searchsorted(user, np.arange(len(users) + 1)).astype(np.int64)
    scores = np.stack([table[user, contents] for table in tables], axis=1)
    return Candidates(users, indptr, contents.astype(np.int64), scores)
