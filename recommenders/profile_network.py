"""The artists' profile network and its training: by a content's vector, which contents share its listeners.

A content's vector is its row of a truncated SVD of the watches of one half of the people; its profile is the share of
its watchers in common with each of the most watched contents, counted in the other half. Trained with torch, asked
with numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Count, Learned, Positive
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import counts, row_of
from recommenders.core.options import FitOptions, Progress, silent
from recommenders.core.singular import right_singular_vectors
from recommenders.core.top_k import Floats, Ints, Mask, top_k

__all__ = ["ProfileNetwork", "Profiler", "halves", "shared_watchers", "svd_vectors", "train"]


@dataclass(frozen=True)
class Profiler:
    """A trained network as arrays: vector over its spread → Dense ReLU → Dense ReLU → one logit for each target."""

    arrays: Mapping[str, Floats]

    def logits(self, vectors: Floats) -> Floats:
        """The logit of every target, shape (n, targets), for ``vectors`` (n, components)."""
        a = self.arrays
        first = np.maximum(vectors / a["spread"] @ a["first_weight"] + a["first_bias"], 0.0)
        second = np.maximum(first @ a["second_weight"] + a["second_bias"], 0.0)
        return np.asarray(second @ a["last_weight"] + a["last_bias"], dtype=np.float32)


def halves(people: Ints, seed: int) -> tuple[Ints, Ints]:
    """``people`` cut at random into two halves, each ascending."""
    drawn = np.random.default_rng(seed).permutation(people)
    return np.sort(drawn[: len(drawn) // 2]), np.sort(drawn[len(drawn) // 2 :])


def svd_vectors(watched: sp.csr_array, components: int, seed: int = 0) -> Floats:
    """Each column's vector V·S in the truncated SVD of ``watched`` (people × contents).

    Shape (contents, min(components, people, contents)).
    """
    directions = right_singular_vectors(watched, components, CORE.profile_svd_rounds, seed)
    return np.asarray(directions * np.linalg.norm(watched @ directions, axis=0), dtype=np.float32)


def shared_watchers(watched: sp.csr_array, rows: Ints, columns: Ints) -> Floats:
    """Share of the people in common with each of ``columns``, of all those in common; shape (rows, columns).

    A content has nobody in common with itself; a row without anybody in common is 0.
    """
    together = np.asarray((watched[:, rows].T @ watched[:, columns]).toarray(), dtype=np.float32)
    together[rows[:, None] == columns[None, :]] = 0.0
    return np.asarray(together / np.maximum(together.sum(axis=1, keepdims=True), 1e-9), dtype=np.float32)


def train(
    vectors: Floats,
    targets: Floats,
    *,
    width: int = 64,
    epochs: int = 20,
    batch: int = 256,
    rate: float = 0.003,
    seed: int = 0,
    judge: Callable[[Profiler], float] | None = None,
    progress: Progress = silent,
    another: Callable[[], bool] = lambda: True,
) -> tuple[Profiler, int]:
    """Fit the network to rows of ``vectors`` (n, components) and ``targets`` (n, targets), each of which adds up to 1.

    Cross-entropy against the logits, Adam. With ``judge`` (higher is better) every fifth epoch is judged, and the best
    is kept. ``another`` is asked between two epochs; if it says no, training ends. Returns the network and its number
    of epochs.
    """
    import torch

    torch.manual_seed(seed)
    relu = torch.nn.functional.relu
    first = torch.nn.Linear(vectors.shape[1], width)
    second = torch.nn.Linear(width, width)
    last = torch.nn.Linear(width, targets.shape[1])
    layers = {"first": first, "second": second, "last": last}
    adam = torch.optim.Adam(torch.nn.ModuleList(layers.values()).parameters(), lr=rate)
    spread = np.float32((vectors.std() if vectors.size else 0.0) or 1.0)
    given, labels = (torch.from_numpy(np.ascontiguousarray(array)) for array in (vectors / spread, targets))
    generator = torch.Generator().manual_seed(seed)
    best: tuple[float, int, Profiler] | None = None
    epoch = 0
    for epoch in range(1, epochs + 1):
        for part in torch.split(torch.randperm(len(given), generator=generator), batch):
            if not len(part):
                continue
            wide = torch.nn.functional.dropout(relu(first(given[part])), CORE.profile_dropout)
            narrow = torch.nn.functional.dropout(relu(second(wide)), CORE.profile_dropout)
            error = torch.nn.functional.cross_entropy(last(narrow), labels[part])
            adam.zero_grad()
            error.backward()  # type: ignore[no-untyped-call]
            adam.step()
        progress(epoch / epochs, f"epoch {epoch} of {epochs}")
        ended = epoch == epochs or not another()
        if judge is not None and (epoch % CORE.profile_checked == 0 or ended):
            value = judge(_arrays(layers, spread))
            if best is None or value > best[0]:
                best = value, epoch, _arrays(layers, spread)
        if ended:
            break
    return (best[2], best[1]) if best else (_arrays(layers, spread), epoch)


def _arrays(layers: Mapping[str, Any], spread: np.float32) -> Profiler:
    arrays: dict[str, Floats] = {"spread": np.array(spread)}
    for name, layer in layers.items():
        arrays[f"{name}_weight"] = np.array(layer.weight.detach().numpy().T, order="C")
        arrays[f"{name}_bias"] = np.array(layer.bias.detach().numpy())
    return Profiler(arrays)


@dataclass
class ProfileNetwork(Baseline):
    """Ranks the most watched contents by the watchers that the network predicts in common.

    A user's vector is the mean of those of what they watched.
    """

    components: Count = 64
    """Singular vectors. Last.fm (docs/profiles.md)."""
    width: Count = 64
    """Of both hidden layers; the article has 256. Last.fm."""
    targets: Count = 1_000
    """Contents that are ranked: those of the most watchers in the second half, as in the notebook."""
    epochs: Count = 20
    """Last.fm."""
    batch: Count = 256
    rate: Positive = 0.003
    """Of Adam."""

    name: ClassVar[str] = "profile-network"

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        people = np.flatnonzero(np.diff(self.watched.indptr)).astype(np.int64)
        parts = [sp.csr_array(self.watched[half]) for half in halves(people, options.seed)]
        counts = [np.diff(sp.csc_array(part).indptr) for part in parts]
        rows = np.flatnonzero((counts[0] > 0) & (counts[1] > 0)).astype(np.int64)
        if len(rows) > CORE.profile_contents:
            rows = np.sort(np.random.default_rng(options.seed).choice(rows, CORE.profile_contents, replace=False))
        columns = np.argsort(-counts[1], kind="stable")[: self.targets].astype(np.int64)
        vectors = svd_vectors(parts[0], self.components, options.seed)
        labels = shared_watchers(parts[1], rows, columns)
        known = labels.sum(axis=1) > 0
        network, _ = train(
            vectors[rows[known]],
            labels[known],
            width=self.width,
            epochs=self.epochs,
            batch=self.batch,
            rate=self.rate,
            seed=options.seed,
            progress=options.progress,
            another=options.cap.another(),
        )
        return {**network.arrays, "vectors": vectors, "columns": columns}

    def _cost(self, snapshot: Snapshot) -> float:
        rows = min(CORE.profile_contents, snapshot.contents.count)
        links = len(snapshot.watched)
        training = COSTS.profile_number * self.epochs * rows * self.width * self.targets / 10
        return training + COSTS.profile_component * self.components * links

    @cached_property
    def _network(self) -> Profiler:
        return Profiler({name: self._dense(name) for name in self.learned if name not in ("vectors", "columns")})

    @property
    def known_contents(self) -> Mask:
        """The targets."""
        mask = np.zeros(self.snapshot.contents.count, dtype=bool)
        mask[self._dense("columns")] = True
        return mask

    def known_users(self, users: Ints) -> Mask:
        """Those who watched something."""
        return np.asarray(counts(self.watched, users) > 0)

    def scores(self, users: Ints) -> Floats:
        return self._scores(self.watched[users])

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The same for the mean of what was ``watched``."""
        return self._scores(row_of(watched, self.snapshot.contents.count))[0] if len(watched) else None

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The ``k`` targets with the highest predicted shares of watchers in common with each item."""
        batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
        columns = self._dense("columns")
        logits = self._network.logits(self._dense("vectors")[batch])
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[batch[:, None] == columns[None, :]] = -np.inf
        found, best = top_k(np.asarray(shares, dtype=np.float32), k)
        ids = np.where(best > 0.0, columns[np.maximum(found, 0)], -1)
        return (ids[0], best[0]) if np.ndim(items) == 0 else (ids, best)

    def _scores(self, watched: sp.csr_array) -> Floats:
        """Scores (n, contents) of users with these ``watched`` contents (n × contents); others than targets have 0."""
        totals = np.maximum(np.asarray(watched.sum(axis=1)).reshape(-1, 1), 1e-9)
        vectors = np.asarray(watched @ self._dense("vectors"), dtype=np.float32) / totals
        scores = np.zeros((watched.shape[0], self.snapshot.contents.count), dtype=np.float32)
        scores[:, self._dense("columns")] = self._network.logits(vectors.astype(np.float32))
        return scores
