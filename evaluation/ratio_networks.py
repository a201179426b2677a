"""The notebook's network and its variants, as rows of `evaluation.watch_ratio_suite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluation.ratio_models import factors
from recommenders.core.options import Progress
from recommenders.core.top_k import Floats
from recommenders.ratio_network import features_apart
from recommenders.ratio_training import Recipe, train

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = ["ABLATION", "DAILY", "DAILY_LEAKING", "FRIENDS", "MODELS"]

FRIENDS: Final = "network, friends"
DAILY: Final = "network, features of the file, frozen"
DAILY_LEAKING: Final = "network, features of the file, all days as there (leaks)"
_STEPS: Final = 360_000
"""Most steps of a fit: one of the notebook's passes, so that a row takes minutes."""
_NOTEBOOK: Final = Recipe(batch=32)
_LARGER: Final = Recipe(batch=1_024, rate=0.005)
_LARGE_STEPS: Final = 12_000
"""Most steps of 1,024 rows: one pass over KuaiRec."""


def _row(
    recipe: Recipe = _LARGER,
    features: Callable[[Data, int], Floats] | None = None,
    *,
    friends: bool = False,
    apart: bool = False,
) -> Callable[[Data, int, Progress], Floats]:
    """A network as a row; by default with the features of the training part's rows."""

    def predict(data: Data, seed: int, progress: Progress) -> Floats:
        rows = data.train.rows
        passes = (_STEPS if recipe.batch < _LARGER.batch else _LARGE_STEPS) // -(-len(rows) // recipe.batch)
        network = train(
            rows,
            (data.users, data.videos),
            features(data, seed) if features else data.features(),
            replace(recipe, epochs=int(np.clip(passes, 1, recipe.epochs))),
            apart=features_apart(rows, data.seconds, data.train.flags, seed) if apart else None,
            friends=data.friends if friends else None,
            seed=seed,
            progress=progress,
        )
        return network.predict(data.test.rows.users, data.test.rows.videos)

    return predict


def _hybrid(data: Data, seed: int) -> Floats:
    """Features of contents, and beside them what collaborative filtering says of each video."""
    biases, _, video = factors(data.train.rows, data, seed)
    return np.concatenate([data.features(), biases.video[:, None], video], axis=1).astype(np.float32)


def _none(data: Data, seed: int) -> Floats:
    return np.zeros((data.videos, 1), dtype=np.float32)


# Absolute errors to friends change one thing of "features from other rows". The hybrid changes one of "steps of 1,024".
MODELS: Final[Mapping[str, Any]] = {
    "network, notebook (steps of 32)": _row(_NOTEBOOK),
    "network, steps of 1,024": _row(),
    "network, features from other rows": _row(apart=True),
    "network, absolute errors": _row(replace(_LARGER, loss="l1"), apart=True),
    "network, WLR": _row(replace(_LARGER, loss="wlr"), apart=True),
    "network, pairwise ranking": _row(replace(_LARGER, ranking="pairwise"), apart=True),
    "network, listwise ranking": _row(replace(_LARGER, ranking="listwise"), apart=True),
    "network, rare ratios drawn more often": _row(replace(_LARGER, balance=0.5), apart=True),
    "network, hybrid (ALS factors of videos)": _row(features=_hybrid),
    FRIENDS: _row(friends=True, apart=True),
    "network, features of all days (leaks)": _row(features=lambda data, seed: data.features(leaking=True)),
    DAILY: _row(features=lambda data, seed: data.daily_features()),
    DAILY_LEAKING: _row(features=lambda data, seed: data.daily_features(leaking=True)),
}
ABLATION: Final[Mapping[str, Any]] = {"network, steps of 1,024, without features": _row(features=_none)}
