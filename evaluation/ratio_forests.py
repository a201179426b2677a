"""LightGBM on what earlier rows say of a user and a video, as rows of `evaluation.watch_ratio_suite`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from evaluation.ratio_models import Matrix, factors
from recommenders.core.options import Progress
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Rows

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = ["ABLATION", "GROUPS", "MODELS", "PEOPLE", "last_rows"]

_BUCKETS: Final = 10
_LAST: Final = (5, 20)
"""A user's newest rows that count as their sequence."""
_EARLY: Final = 0.7
"""Share of the training rows, the earlier ones, whose users and videos give the features; the forest learns from the
others. By hand."""
_MOST: Final = 1_000_000
"""Most rows to learn from; of more, as many are drawn at random."""
_AT_ONCE: Final = 500_000
GROUPS: Final = (
    "duration",
    "mean of the user",
    "mean of the video",
    "counts",
    "ALS factors",
    "sequence",
    "features of the user",
)
"""What a forest may know of a row."""
_PLAIN: Final = frozenset(GROUPS[:4])
_ALL: Final = frozenset(GROUPS[:5])
_IN_ROWS: Final = frozenset(GROUPS[:6])
PEOPLE: Final = "lightgbm, ALS factors, features of users"
_FOREST: Final[dict[str, Any]] = {
    "num_leaves": 63,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "verbosity": -1,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
}


def _row(groups: frozenset[str]) -> Callable[[Data, int, Progress], Floats]:
    """A forest with absolute errors that knows these groups."""

    def predict(data: Data, seed: int, progress: Progress) -> Floats:
        return _fitted(data, seed, groups).predict(data.test.rows)

    return predict


def _corrected(data: Data, seed: int, progress: Progress) -> Floats:
    """The forest with the factors, moved in each bucket of durations by its median error on the validation part."""
    made = _fitted(data, seed, _ALL)
    bucket = _buckets(data)
    rest = data.validation.rows.ratios - made.predict(data.validation.rows)
    own = bucket[data.validation.rows.videos]
    moves = np.array([np.median(rest[own == one]) if (own == one).any() else 0.0 for one in range(_BUCKETS)])
    return np.asarray(made.predict(data.test.rows) + moves[bucket[data.test.rows.videos]], dtype=np.float32)


def _d2q(data: Data, seed: int, progress: Progress) -> Floats:
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

    predicted = np.clip(_Forest(data, seed, _ALL, label=quantiles).predict(data.test.rows), 0.0, 1.0)
    own = bucket[data.test.rows.videos]
    ratios = np.zeros(len(predicted), dtype=np.float32)
    for one, values in enumerate(sorted_):
        if len(values):
            ratios[own == one] = np.quantile(values, predicted[own == one])
    return ratios


MODELS: Final[Mapping[str, Any]] = {
    "lightgbm, absolute errors": _row(_PLAIN),
    "lightgbm, ALS factors": _row(_ALL),
    "lightgbm, ALS factors, per duration": _corrected,
    "lightgbm, ALS factors, sequence": _row(_IN_ROWS),
    PEOPLE: _row(_ALL | {"features of the user"}),
    "d2q": _d2q,
}
ABLATION: Final[Mapping[str, Any]] = {
    f"lightgbm, all, without {group}": _row(_IN_ROWS - {group}) for group in GROUPS[:4]
}
"""Without factors or sequence it is another row of `MODELS`."""


class _Forest:
    """LightGBM; targets of rows never stand among their own features: these come from earlier rows."""

    def __init__(self, data: Data, seed: int, groups: frozenset[str], *, label: Any = None) -> None:
        import lightgbm

        label = label or (lambda rows: rows.ratios)
        self._data, self._groups = data, groups
        self._now = _told(data, seed, early=False)
        late = data.train.rows.keep(~_early(data))
        if len(late) > _MOST:
            late = late.keep(np.random.default_rng(seed).random(len(late)) < _MOST / len(late))
        first = _told(data, seed, early=True)
        told = lightgbm.Dataset(self._features(first, late), label(late))
        judged = data.validation.rows
        stop = lightgbm.Dataset(self._features(self._now, judged), label(judged), reference=told)
        self._forest = lightgbm.train(
            {**_FOREST, "objective": "l1", "metric": "l1", "seed": seed},
            told,
            500,
            valid_sets=[stop],
            callbacks=[lightgbm.early_stopping(30, verbose=False)],
        )

    def predict(self, rows: Rows) -> Floats:
        found = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            own = Rows(rows.users[part], rows.videos[part], rows.ratios[part])
            found[part] = np.asarray(self._forest.predict(self._features(self._now, own)))
        return found

    def _features(self, told: _Told, pairs: Rows) -> Matrix:
        columns = {name: part for name, part in told.of(self._data, pairs).items() if name in self._groups}
        return np.concatenate([*columns.values()], axis=1)


class _Told:
    """What some rows, in the order of time, say of users and videos."""

    def __init__(self, data: Data, seed: int, rows: Rows) -> None:
        self.biases, self.user, self.video = factors(rows, data, seed)
        self.counts = [
            np.bincount(ends, minlength=count) for ends, count in ((rows.users, data.users), (rows.videos, data.videos))
        ]
        rest = rows.ratios - self.biases.of(rows)
        newest = last_rows(rows.users, _LAST[-1])
        self.sequence = [_means(newest[newest[:, 1] < most, 0], rows.users, rest, data.users) for most in _LAST]
        five = newest[newest[:, 1] < _LAST[0], 0]
        self.lately = np.stack(
            [_means(five, rows.users, column[rows.videos], data.users) for column in self.video.T], axis=1
        )
        """Mean of the vectors of the videos that each user watched last."""

    def of(self, data: Data, pairs: Rows) -> dict[str, Matrix]:
        """The columns of each of `GROUPS` for these pairs, shape (pairs, columns)."""
        u, v = pairs.users, pairs.videos
        user, video = self.user[u], self.video[v]
        found: dict[str, list[Any]] = {
            "duration": [data.seconds[v]],
            "mean of the user": [self.biases.user[u]],
            "mean of the video": [self.biases.video[v]],
            "counts": [self.counts[0][u], self.counts[1][v]],
            "ALS factors": [(user * video).sum(axis=1), *user.T, *video.T],
            "sequence": [*(one[u] for one in self.sequence), (self.lately[u] * video).sum(axis=1)],
        }
        if data.people is not None:
            found["features of the user"] = [*data.people[u].T]
        return {name: np.stack([np.asarray(c, dtype=np.float64) for c in part], axis=1) for name, part in found.items()}


@functools.lru_cache(maxsize=2)
def _told(data: Data, seed: int, *, early: bool) -> _Told:
    """Of the first part of the training rows, or of all; kept, since several rows of the table ask for it."""
    rows = data.train.rows
    return _Told(data, seed, rows.keep(_early(data)) if early else rows)


@functools.lru_cache(maxsize=1)
def _fitted(data: Data, seed: int, groups: frozenset[str]) -> _Forest:
    return _Forest(data, seed, groups)


def _early(data: Data) -> npt.NDArray[np.bool_]:
    count = len(data.train.rows)
    return np.asarray(np.arange(count) < _EARLY * count)


def last_rows(users: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Places of each user's last ``most`` rows, and how many rows of the user come after each, shape (n, 2)."""
    order = np.argsort(users, kind="stable")[::-1]
    starts = np.flatnonzero(np.concatenate(([True], users[order][1:] != users[order][:-1])))
    after = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return np.stack([order, after], axis=1)[after < most]


def _means(places: npt.NDArray[np.int64], users: npt.NDArray[np.int64], values: Matrix, count: int) -> Matrix:
    """Mean of the values at these places by user; 0 where a user has none."""
    own = users[places]
    total = np.bincount(own, weights=values[places], minlength=count)
    return np.asarray(total / np.maximum(np.bincount(own, minlength=count), 1), dtype=np.float64)


def _buckets(data: Data) -> npt.NDArray[np.int64]:
    """The bucket of durations of each video, from 0; a video without a duration is in the first."""
    known = data.seconds[data.train.rows.videos]
    edges = np.quantile(known[np.isfinite(known)], np.linspace(0, 1, _BUCKETS + 1)[1:-1])
    return np.searchsorted(edges, np.nan_to_num(data.seconds)).astype(np.int64)
