"""Models of the suite ``artists``: each ranks the columns for given artists; validation artists choose settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy.cluster.vq import kmeans2

from evaluation.artist_data import Data, measure
from evaluation.artist_notebook import AS_IT_STANDS, Faults, indices, notebook_network
from gnn.recommender import GatNetwork
from ranking import registry
from recommenders.core.effort import Effort
from recommenders.core.nearest import unit
from recommenders.core.options import FitOptions, Progress
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Floats, Ints
from recommenders.profile_network import Profiler, shared_watchers, svd_vectors, train

__all__ = ["ArtistModel", "Bench"]

_COMPONENTS: Final = (16, 32, 64, 128, 256)
_CLUSTERS: Final = (5, 10, 20, 50, 100, 200, 400, 800)
_WIDTHS: Final = (64, 256)
_WEIGHTINGS: Final = ("none", "tf-idf", "bm25")
_EPOCHS: Final = 40
_NOTEBOOK_EPOCHS: Final = 30
_GAT_SHARE: Final = 2.0
"""Work of the GAT, as a multiple of that of quick effort. By hand, for time."""
_CHOSEN_BY: Final = "MAP@10"
Scores = Callable[[Ints], Floats]


@dataclass(frozen=True)
class ArtistModel:
    """What a model gives for given artists, and what was chosen for it."""

    scores: Scores
    settings: dict[str, Any] = field(default_factory=dict)


class Bench:
    """The models on one `Data`, what they share, and the tables of what was chosen."""

    def __init__(self, data: Data, progress: Progress) -> None:
        self.data = data
        self.progress = progress
        self.chosen: dict[str, dict[int, float]] = {}
        """Model → number (of components or clusters) → MAP@10 on the validation artists."""
        self.spread_within: dict[str, dict[int, float]] = {}
        """k-means → number of clusters → mean squared distance of a training artist to its centre."""
        self._vectors: dict[tuple[str, int], Floats] = {}
        self._gat: GatNetwork | None = None

    def validation_map(self, scores: Scores) -> float:
        """MAP@10 on the validation artists."""
        return float(measure(scores(self.data.validation), self.data.validation, self.data)[_CHOSEN_BY].mean())

    def vectors(self, components: int, what: str = "listens") -> Floats:
        """SVD of the first half's listens; of what their friends listen to; or of the listens of all, which leaks."""
        key = what, components
        if key not in self._vectors:
            matrix = self.data.first if what == "listens" else self.data.listens.matrix
            if what == "friends":
                matrix = self.data.friends_of_listeners()
            self._vectors[key] = svd_vectors(matrix, components, self.data.seed)
        return self._vectors[key]

    def matrices(self) -> list[Floats]:
        """What the notebook's network reads: its own matrices, or the SVD of 64 components of the first half."""
        published = self.data.listens.published
        if published and published.matrices:
            return list(published.matrices.values())
        return [self.vectors(64)]

    def popularity(self) -> ArtistModel:
        """The mean profile of the training artists, the same for all."""
        mean = self.data.targets.mean(axis=0)
        return ArtistModel(lambda rows: np.tile(mean, (len(rows), 1)))

    def cosine(self) -> ArtistModel:
        """Cosine of the SVD vectors alone."""

        def of(components: int) -> Scores:
            vectors = unit(self.vectors(components))
            return lambda rows: np.asarray(vectors[rows] @ vectors[self.data.columns].T, dtype=np.float32)

        return self._best("SVD cosine", _COMPONENTS, of, "components")

    def clusters(self, of_rows: bool) -> ArtistModel:
        """The mean profile of the cluster; k-means on SVD vectors, or on rows of common listeners of the first half."""
        data = self.data
        name = "k-means, rows" if of_rows else "k-means, SVD"
        everyone = np.arange(data.first.shape[1])
        known = shared_watchers(data.first, everyone, data.columns) if of_rows else self.vectors(64)
        points = known[data.train]
        within = self.spread_within.setdefault(name, {})

        def of(count: int) -> Scores:
            centres, label = kmeans2(points, count, minit="++", seed=data.seed, missing="warn")
            within[count] = float(((points - centres[label]) ** 2).sum(axis=1).mean())
            sizes = np.bincount(label, minlength=count)
            total = np.zeros((count, len(data.columns)), dtype=np.float64)
            np.add.at(total, label, data.targets)
            mean = np.where(sizes[:, None] > 0, total / np.maximum(sizes, 1)[:, None], data.targets.mean(axis=0))
            return lambda rows: mean[_nearest_centre(known[rows], centres)].astype(np.float32)

        counts = [k for k in (_CLUSTERS[:-1] if of_rows else _CLUSTERS) if k <= len(points)]  # rows are long: for time
        return self._best(name, counts, of, "clusters")

    def knn(self) -> ArtistModel:
        """Cosine of the listeners themselves; their weighting is chosen."""
        tried = {one: self._similar(registry.make("item-knn", weighting=one).fit(self.data.snapshot))
                 for one in _WEIGHTINGS}  # fmt: skip
        best = max(tried, key=lambda one: self.validation_map(tried[one]))
        return ArtistModel(tried[best], {"weighting": best})

    def gat(self) -> ArtistModel:
        """Cosine of the GAT's vectors."""
        return ArtistModel(self._similar(self._fitted_gat()))

    def network(self, width: int, what: str = "listens") -> ArtistModel:
        """The profile network on SVD vectors, with friends' beside them, or on those of the GAT."""
        data = self.data
        name = f"profile network, {width}"

        def of(vectors: Floats) -> tuple[Scores, int]:
            network, epochs = train(
                vectors[data.train],
                data.targets,
                width=width,
                epochs=_EPOCHS,
                seed=data.seed,
                judge=lambda one: self.validation_map(_of(one, vectors)),
            )
            return _of(network, vectors), epochs

        if what == "gat":
            scores, epochs = of(np.asarray(self._fitted_gat().artifact.embeddings.contents, dtype=np.float32))
            return ArtistModel(scores, {"epochs": epochs})
        if what == "friends":
            beside = [self.vectors(64), self.vectors(64, "friends")]
            scores, epochs = of(np.concatenate([one / (one.std() or 1.0) for one in beside], axis=1))
            return ArtistModel(scores, {"epochs": epochs})
        if what == "all":
            scores, epochs = of(self.vectors(64, "all"))
            return ArtistModel(scores, {"epochs": epochs})
        epochs_of: dict[int, int] = {}

        def tried(components: int) -> Scores:
            scores, epochs_of[components] = of(self.vectors(components))
            return scores

        made = self._best(name, _COMPONENTS, tried, "components")
        return ArtistModel(made.scores, {**made.settings, "epochs": epochs_of[made.settings["components"]]})

    def notebook(self, faults: Faults = AS_IT_STANDS, *, mixed_up: bool = False, what: str = "") -> ArtistModel:
        """The notebook's network. ``mixed_up``: targets in the order of listeners beside features in that of ids."""
        data = self.data
        matrices = [self.vectors(64, what)] if what else self.matrices()
        if mixed_up:
            matrices = [_mixed_up(matrix, data) for matrix in matrices]

        def of(logits: Callable[[list[Floats]], Floats]) -> Scores:
            return lambda rows: logits([matrix[rows] for matrix in matrices])

        trained = notebook_network(
            [matrix[data.train] for matrix in matrices],
            data.targets,
            faults,
            epochs=_NOTEBOOK_EPOCHS,
            seed=data.seed,
            judge=lambda logits: self.validation_map(of(logits)),
        )
        return ArtistModel(of(trained.logits), {"epochs": trained.epochs})

    def told_indices(self) -> tuple[int, float]:
        """How many indices the notebook makes of its numbers, and the share of the numbers that get the commonest."""
        matrices = self.matrices()
        found = np.bincount(indices(matrices, float(min(one.min() for one in matrices))).ravel())
        return int((found > 0).sum()), float(found.max() / found.sum())

    def _best(self, name: str, values: Sequence[int], of: Callable[[int], Scores], what: str) -> ArtistModel:
        table = self.chosen.setdefault(name, {})
        made: dict[int, Scores] = {}
        for place, value in enumerate(values):
            self.progress(place / len(values), f"{name}: {value} {what}")
            made[value] = of(value)
            table[value] = self.validation_map(made[value])
        best = max(table, key=lambda value: table[value])
        return ArtistModel(made[best], {what: best})

    def _similar(self, model: Recommender) -> Scores:
        """Scores from `Recommender.similar_items`, which ranks everything."""
        count, columns = self.data.first.shape[1], self.data.columns

        def scores(rows: Ints) -> Floats:
            ids, values = model.similar_items(rows, count)
            found = np.zeros((len(rows), count), dtype=np.float32)
            for row in range(len(rows)):
                known = ids[row] >= 0
                found[row, ids[row][known]] = values[row][known]
            return found[:, columns]

        return scores

    def _fitted_gat(self) -> GatNetwork:
        if self._gat is None:
            options = FitOptions(seed=self.data.seed, effort=Effort.QUICK, share=_GAT_SHARE, progress=self.progress)
            self._gat = GatNetwork().fit(self.data.snapshot, options)
        return self._gat


def _of(network: Profiler, vectors: Floats) -> Scores:
    return lambda rows: network.logits(vectors[rows])


def _nearest_centre(points: Floats, centres: Any) -> Ints:
    distances = (centres**2).sum(axis=1)[None, :] - 2.0 * points @ centres.T
    return np.asarray(distances.argmin(axis=1), dtype=np.int64)


def _mixed_up(matrix: Floats, data: Data) -> Floats:
    """Rows in the order of ids where the targets have the order of listeners: the vector of one for another artist."""
    known = np.sort(np.concatenate([data.train, data.validation, data.test]))
    by_listeners = known[np.argsort(-data.listeners[known], kind="stable")]
    wrong = matrix.copy()
    wrong[by_listeners] = matrix[known]
    return wrong
