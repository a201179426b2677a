"""Models that predict a watch ratio for given pairs of user and video, on the parts of `evaluation.watch_ratio_suite`.

Each takes the data, a seed and a progress, and gives a prediction for every row of the judging part. All learn from
the training part; where something is chosen or stopped, the validation part decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from recommenders.core.options import Progress
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Loss, Network, Rows, train

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = ["absolute", "als", "corrected", "d2q", "forest", "forest_with_als", "item_knn", "larger_steps", "leaking",
           "mean", "median", "notebook"]  # fmt: skip

Matrix = npt.NDArray[np.float64]
_SHRINK: Final = 20.0
_NEIGHBOURS: Final = 100
_FACTORS: Final = 16
_RIDGE: Final = 5.0
_ROUNDS: Final = 10
_EPOCHS: Final = 5
_BUCKETS: Final = 10
_FOREST: Final[dict[str, Any]] = {
    "num_leaves": 63,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "verbosity": -1,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
}


def mean(data: Data, seed: int, progress: Progress) -> Floats:
    """The mean ratio of all."""
    return np.full(len(data.test.rows), data.train.rows.ratios.mean(), dtype=np.float32)


def median(data: Data, seed: int, progress: Progress) -> Floats:
    """The median ratio of all, which absolute errors want."""
    return np.full(len(data.test.rows), np.median(data.train.rows.ratios), dtype=np.float32)


class Biases:
    """The mean, and what users and videos differ from it by, drawn towards 0 where rows are few."""

    def __init__(self, rows: Rows, users: int, videos: int) -> None:
        self.middle = float(rows.ratios.mean())
        rest = rows.ratios.astype(np.float64) - self.middle
        self.video = _shrunk(rest, rows.videos, videos)
        self.user = _shrunk(rest - self.video[rows.videos], rows.users, users)

    def of(self, rows: Rows) -> Matrix:
        return np.asarray(self.middle + self.user[rows.users] + self.video[rows.videos], dtype=np.float64)


def item_knn(data: Data, seed: int, progress: Progress) -> Floats:
    """Biases, and how a user's ratios of the most similar videos (adjusted cosine) differ from them."""
    rows, test = data.train.rows, data.test.rows
    biases = Biases(rows, data.users, data.videos)
    left = np.zeros((data.users, data.videos), dtype=np.float32)
    seen = np.zeros_like(left)
    np.add.at(left, (rows.users, rows.videos), (np.clip(rows.ratios, 0.0, 5.0) - biases.of(rows)).astype(np.float32))
    np.add.at(seen, (rows.users, rows.videos), 1.0)
    left /= np.maximum(seen, 1.0)
    np.minimum(seen, 1.0, out=seen)
    common = left.T @ left
    norms = np.sqrt(np.maximum(common.diagonal(), 1e-9))
    similar = common / norms[:, None] / norms[None, :]
    np.fill_diagonal(similar, 0.0)
    if data.videos > _NEIGHBOURS:
        least = np.partition(similar, data.videos - _NEIGHBOURS, axis=0)[data.videos - _NEIGHBOURS]
        similar[similar < np.maximum(least, 0.0)] = 0.0
    asked, back = np.unique(test.users, return_inverse=True)
    moved = left[asked] @ similar
    weight = seen[asked] @ np.abs(similar)
    extra = moved[back, test.videos] / (weight[back, test.videos] + 1.0)
    return np.asarray(biases.of(test) + extra, dtype=np.float32)


def als(data: Data, seed: int, progress: Progress) -> Floats:
    """Biases and factors of users and videos by alternating least squares on what the biases leave."""
    biases, user, video = _factors(data.train.rows, data, seed)
    test = data.test.rows
    return np.asarray(biases.of(test) + (user[test.users] * video[test.videos]).sum(axis=1), dtype=np.float32)


def notebook(data: Data, seed: int, progress: Progress) -> Floats:
    """The notebook's network at its settings: steps of 32 rows, squared errors, five epochs."""
    return _network(data, seed, progress, batch=32).predict(data.test.rows.users, data.test.rows.videos)


def larger_steps(data: Data, seed: int, progress: Progress) -> Floats:
    """The same with steps of 1,024 rows, and so a higher rate."""
    return _network(data, seed, progress, rate=0.005).predict(data.test.rows.users, data.test.rows.videos)


def absolute(data: Data, seed: int, progress: Progress) -> Floats:
    """Larger steps and absolute errors."""
    network = _network(data, seed, progress, rate=0.005, loss="l1")
    return network.predict(data.test.rows.users, data.test.rows.videos)


def leaking(data: Data, seed: int, progress: Progress) -> Floats:
    """Larger steps, and features over all days, those of the judging part too."""
    network = _network(data, seed, progress, rate=0.005, features=data.features(leaking=True))
    return network.predict(data.test.rows.users, data.test.rows.videos)


def forest(data: Data, seed: int, progress: Progress) -> Floats:
    """LightGBM with absolute errors on features of the video and what the first part of the training says of both."""
    return _Forest(data, seed, factors=False).predict(data.test.rows)


def forest_with_als(data: Data, seed: int, progress: Progress) -> Floats:
    """The same with the factors of ALS."""
    return _Forest(data, seed, factors=True).predict(data.test.rows)


def corrected(data: Data, seed: int, progress: Progress) -> Floats:
    """The forest with the factors, moved in each bucket of durations by its median error on the validation part."""
    made = _Forest(data, seed, factors=True)
    bucket = _buckets(data)
    rest = data.validation.rows.ratios - made.predict(data.validation.rows)
    own = bucket[data.validation.rows.videos]
    moves = np.array([np.median(rest[own == one]) if (own == one).any() else 0.0 for one in range(_BUCKETS)])
    return np.asarray(made.predict(data.test.rows) + moves[bucket[data.test.rows.videos]], dtype=np.float32)


def d2q(data: Data, seed: int, progress: Progress) -> Floats:
    """D2Q (Zhan et al., KDD 2022): the quantile within the videos of like duration is predicted, and mapped back."""
    bucket = _buckets(data)
    sorted_ = [np.sort(data.train.rows.ratios[bucket[data.train.rows.videos] == one]) for one in range(_BUCKETS)]

    def quantiles(rows: Rows) -> Floats:
        own = bucket[rows.videos]
        found = np.zeros(len(rows), dtype=np.float32)
        for one, values in enumerate(sorted_):
            place = np.searchsorted(values, rows.ratios[own == one], side="right")
            found[own == one] = place / max(1, len(values))
        return found

    predicted = np.clip(_Forest(data, seed, factors=True, label=quantiles).predict(data.test.rows), 0.0, 1.0)
    own = bucket[data.test.rows.videos]
    ratios = np.zeros(len(predicted), dtype=np.float32)
    for one, values in enumerate(sorted_):
        if len(values):
            ratios[own == one] = np.quantile(values, predicted[own == one])
    return ratios


class _Forest:
    """LightGBM; targets of rows never stand among their own features: these come from earlier rows."""

    def __init__(self, data: Data, seed: int, *, factors: bool, label: Any = None) -> None:
        import lightgbm

        label = label or (lambda rows: rows.ratios)
        self._data, self._factors, self._seed = data, factors, seed
        rows = data.train.rows
        early = np.arange(len(rows)) < 0.7 * len(rows)
        self._statics = data.features()
        first = self._told(rows.keep(early))
        late = rows.keep(~early)
        self._now = self._told(rows)
        told = lightgbm.Dataset(first(late), label(late))
        stop = lightgbm.Dataset(self._now(data.validation.rows), label(data.validation.rows), reference=told)
        self._forest = lightgbm.train(
            {**_FOREST, "objective": "l1", "metric": "l1", "seed": seed},
            told,
            500,
            valid_sets=[stop],
            callbacks=[lightgbm.early_stopping(30, verbose=False)],
        )

    def predict(self, rows: Rows) -> Floats:
        return np.asarray(self._forest.predict(self._now(rows)), dtype=np.float32)

    def _told(self, rows: Rows) -> Any:
        """What ``rows`` say, as a function from pairs to features."""
        biases, user, video = _factors(rows, self._data, self._seed)
        counts = [np.bincount(ends, minlength=count) for ends, count in
                  ((rows.users, self._data.users), (rows.videos, self._data.videos))]  # fmt: skip

        def features(pairs: Rows) -> Matrix:
            u, v = pairs.users, pairs.videos
            columns = [self._data.seconds[v], biases.user[u], biases.video[v], counts[0][u], counts[1][v]]
            if self._factors:
                columns += [(user[u] * video[v]).sum(axis=1), *user[u].T, *video[v].T]
            return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)

        return features


def _network(
    data: Data,
    seed: int,
    progress: Progress,
    *,
    batch: int = 1_024,
    rate: float = 0.001,
    loss: Loss = "mse",
    features: Floats | None = None,
) -> Network:
    return train(
        data.train.rows,
        (data.users, data.videos),
        data.features() if features is None else features,
        epochs=_EPOCHS,
        batch=batch,
        rate=rate,
        loss=loss,
        seed=seed,
        progress=progress,
    )


def _factors(rows: Rows, data: Data, seed: int) -> tuple[Biases, Matrix, Matrix]:
    biases = Biases(rows, data.users, data.videos)
    rest = np.clip(rows.ratios.astype(np.float64) - biases.of(rows), -2.0, 2.0)
    random = np.random.default_rng(seed)
    user = np.zeros((data.users, _FACTORS))
    video = 0.1 * random.standard_normal((data.videos, _FACTORS))
    by_user, by_video = np.argsort(rows.users, kind="stable"), np.argsort(rows.videos, kind="stable")
    for _ in range(_ROUNDS):
        user = _solved(rows.users[by_user], video[rows.videos[by_user]], rest[by_user], data.users)
        video = _solved(rows.videos[by_video], user[rows.users[by_video]], rest[by_video], data.videos)
    return biases, user, video


def _solved(ends: npt.NDArray[np.int64], others: Matrix, rest: Matrix, count: int) -> Matrix:
    """Ridge regression of each end's rows, which stand together."""
    found = np.zeros((count, others.shape[1]))
    starts = np.flatnonzero(np.concatenate(([True], ends[1:] != ends[:-1])))
    ridge = _RIDGE * np.eye(others.shape[1])
    for start, stop in zip(starts, np.append(starts[1:], len(ends)), strict=True):
        part = others[start:stop]
        found[ends[start]] = np.linalg.solve(part.T @ part + ridge, part.T @ rest[start:stop])
    return found


def _shrunk(rest: Matrix, ends: npt.NDArray[np.int64], count: int) -> Matrix:
    return np.asarray(
        np.bincount(ends, weights=rest, minlength=count) / (np.bincount(ends, minlength=count) + _SHRINK),
        dtype=np.float64,
    )


def _buckets(data: Data) -> npt.NDArray[np.int64]:
    """The bucket of durations of each video, from 0; a video without a duration is in the first."""
    known = data.seconds[data.train.rows.videos]
    edges = np.quantile(known[np.isfinite(known)], np.linspace(0, 1, _BUCKETS + 1)[1:-1])
    return np.searchsorted(edges, np.nan_to_num(data.seconds)).astype(np.int64)
