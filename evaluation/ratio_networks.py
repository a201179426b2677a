"""The notebook's network and its variants, as rows of `evaluation.watch_ratio_suite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.linalg import orthogonal_procrustes

from evaluation.ratio_models import Matrix, factors
from recommenders.core.options import Progress
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Apart, features_apart
from recommenders.ratio_training import TrainingSettings, train

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = [
    "ABLATION", "DAILY", "DAILY_LEAKING", "FRIENDS", "HYBRID", "MODELS", "NOTEBOOK", "NOTEBOOK_SETTINGS", "PEOPLE",
    "STAND_IN", "hybrid", "passes_of",
]  # fmt: skip

NOTEBOOK: Final = "network, notebook (features of the file, all days; steps of 32; leaks)"
STAND_IN: Final = "network, features of own rows, steps of 32"
"""In place of the notebook's network where a folder has no ``item_daily_features.csv``; ours, not the notebook's."""
HYBRID: Final = "network, hybrid (ALS factors of videos)"
FRIENDS: Final = "network, friends"
PEOPLE: Final = "network, features of users"
DAILY: Final = "network, features of the file, frozen"
DAILY_LEAKING: Final = "network, features of the file, all days as there (leaks)"
_STEPS: Final = 90_000
"""Most steps of a fit, so that a row takes minutes: a quarter of a pass over KuaiRec in the notebook's steps of 32."""
NOTEBOOK_SETTINGS: Final = TrainingSettings(batch=32)
_LARGER: Final = TrainingSettings()
"""As `watch-ratio` is trained. Its rate of .001 had a lower error on KuaiRand's validation part than .005
(experiments/watch-ratio.md)."""
_LARGE_STEPS: Final = 12_000
"""Most steps of 1,024 rows: one pass over KuaiRec."""

Told = tuple[Floats, Apart | None]
"""Features of videos to predict with, and those to train with where they are others."""


def _of_rows(data: Data, seed: int) -> Told:
    """Features of the training part's rows, a row's own ratio among them.

    A stand-in of ours: the notebook's features come from ``item_daily_features.csv``.
    """
    return data.features(), None


def _of_other_rows(data: Data, seed: int) -> Told:
    return data.features(), features_apart(data.train.rows, data.seconds, data.train.flags, seed)


def hybrid(data: Data, seed: int) -> Told:
    """Features of contents, and beside them what collaborative filtering says of each video; from other rows.

    The factors of each fold are turned to where those of all rows lie, since they are unique but for a rotation.
    """
    features, apart = _of_other_rows(data, seed)
    assert apart
    rows = data.train.rows
    biases, _, middle = factors(rows, data, seed)
    told = []
    for fold in range(len(apart.features)):
        others, _, video = factors(rows.keep(apart.fold != fold), data, seed)
        turned = video @ orthogonal_procrustes(video, middle)[0]
        told.append(_beside(apart.features[fold], others.video, turned))
    return _beside(features, biases.video, middle), Apart(apart.fold, np.stack(told))


def _beside(features: Floats, bias: Matrix, video: Matrix) -> Floats:
    return np.concatenate([features, bias[:, None], video], axis=1).astype(np.float32)


def passes_of(settings: TrainingSettings, rows: int) -> float:
    """How often a network of a table sees each of so many training rows: fewer times where they are many.

    Less than 1 is the share of the rows that it sees, once.
    """
    passes = (_STEPS if settings.batch < _LARGER.batch else _LARGE_STEPS) / -(-rows // settings.batch)
    return min(passes if passes < 1.0 else float(int(passes)), float(settings.epochs))


def _row(
    settings: TrainingSettings = _LARGER,
    told: Callable[[Data, int], Told] = _of_rows,
    *,
    friends: bool = False,
    people: bool = False,
) -> Callable[[Data, int, Progress], Floats]:
    """A network as a row."""

    def predict(data: Data, seed: int, progress: Progress) -> Floats:
        rows = data.train.rows
        features, apart = told(data, seed)
        passes = passes_of(settings, len(rows))
        if passes < 1.0:
            chosen = np.random.default_rng(seed).random(len(rows)) < passes
            rows, apart = rows.keep(chosen), apart and Apart(apart.fold[chosen], apart.features)
        network = train(
            rows,
            (data.users, data.videos),
            features,
            replace(settings, epochs=max(1, int(passes))),
            apart=apart,
            friends=data.friends if friends else None,
            people=data.people if people else None,
            seed=seed,
            progress=progress,
        )
        return network.predict(data.test.rows.users, data.test.rows.videos)

    return predict


# Absolute errors to features of users change one thing of "features from other rows".
MODELS: Final[Mapping[str, Any]] = {
    NOTEBOOK: _row(NOTEBOOK_SETTINGS, told=lambda data, seed: (data.daily_features(leaking=True), None)),
    STAND_IN: _row(NOTEBOOK_SETTINGS),
    "network, features of own rows": _row(),
    "network, features from other rows": _row(told=_of_other_rows),
    "network, features from other rows, steps of 32": _row(NOTEBOOK_SETTINGS, _of_other_rows),
    "network, absolute errors": _row(replace(_LARGER, loss="l1"), _of_other_rows),
    "network, WLR": _row(replace(_LARGER, loss="wlr"), _of_other_rows),
    "network, pairwise ranking": _row(replace(_LARGER, ranking="pairwise"), _of_other_rows),
    "network, listwise ranking": _row(replace(_LARGER, ranking="listwise"), _of_other_rows),
    "network, rare ratios drawn more often": _row(replace(_LARGER, balance=0.5), _of_other_rows),
    HYBRID: _row(told=hybrid),
    FRIENDS: _row(told=_of_other_rows, friends=True),
    PEOPLE: _row(told=_of_other_rows, people=True),
    "network, features of all days (leaks)": _row(told=lambda data, seed: (data.features(leaking=True), None)),
    DAILY: _row(told=lambda data, seed: (data.daily_features(), None)),
    DAILY_LEAKING: _row(told=lambda data, seed: (data.daily_features(leaking=True), None)),
}
ABLATION: Final[Mapping[str, Any]] = {
    "network, without features": _row(told=lambda data, seed: (np.zeros((data.videos, 1), dtype=np.float32), None))
}
