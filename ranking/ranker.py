"""LightGBM's lambdarank over the candidates: learns on the validation part how to correct the blend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ranking import sums as compiled
from ranking.candidates import Candidates, Context
from ranking.config import CONFIG
from recommenders.core.interactions import counts
from recommenders.core.ndcg import places
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints

__all__ = ["Ranker", "feature_names", "features", "fold_of"]

sums: Final[Any] = compiled  # what numba makes of them has no types
_SETTINGS: Final[dict[str, Any]] = {
    "objective": "lambdarank",
    "label_gain": list(range(CONFIG.ranker_levels + 1)),
    "verbosity": -1,
    "metric": "ndcg",
    **CONFIG.forest,
}


def feature_names(models: Sequence[str], context: Context) -> list[str]:
    """Names of all features that `features` can compute for the candidates of ``models``."""
    return [
        *(f"{model} score" for model in models),
        *(f"{model} rank" for model in models),
        "blend score",
        "blend rank",
        "user's watches",
        "user's friends",
        "watchers",
        "friends who watched",
        "share of friends who watched",
        *context.fashion,
        *(f"watches of those followed, half after {span}" for span in context.recent),
        "follows the maker",
        *(f"share of watches with the {trait}" for trait in context.traits),
        *(f"user's {name}" for name in context.user_profiles),
        *(f"content's {name}" for name in context.content_profiles),
    ]


def features(
    candidates: Candidates, blend: Floats, models: Sequence[str], context: Context, names: Sequence[str]
) -> Floats:
    """The ranker's features of each row, shape (rows, len(names)): counts and ranks as log1p, unknown values as NaN.

    ``names`` are some of `feature_names`. A feature that ``context`` has no data for is unknown everywhere: the graph
    may have times although its training part has too few.
    """
    user, content = candidates.row_user, candidates.contents
    table = np.full((len(user), len(names)), np.nan, dtype=np.float32)
    place = {name: column for column, name in enumerate(names)}

    def tell(name: str, values: npt.NDArray[Any]) -> None:
        if name in place:
            table[:, place[name]] = values

    for column, model in enumerate(models):
        scores = candidates.scores[:, column]
        tell(f"{model} score", scores)
        tell(f"{model} rank", np.log1p(places(user, scores)))
    tell("blend score", blend)
    tell("blend rank", np.log1p(places(user, blend)))
    watches = counts(context.watched, candidates.users)
    friends = counts(context.friends, candidates.users)
    tell("user's watches", np.log1p(watches)[user])
    tell("user's friends", np.log1p(friends)[user])
    tell("watchers", np.log1p(context.watchers[content]))
    together = _summed(candidates, context.friends, context.ones)
    tell("friends who watched", np.log1p(together))
    tell("share of friends who watched", together / np.maximum(friends, 1)[user])
    for name, values in context.fashion.items():
        tell(name, np.log1p(values[content]))
    for span, watched in context.recent.items():
        lately = _summed(candidates, context.follows, watched)
        tell(f"watches of those followed, half after {span}", np.log1p(lately))
    mine = candidates.users, candidates.indptr, candidates.contents
    made = context.traits["maker"]
    tell("follows the maker", sums.means_of_neighbours(*mine, *_arrays(context.follows), made.indptr, made.indices))
    for trait, has in context.traits.items():
        shared = sums.means_of_traits(*mine, *_arrays(context.ones), *_arrays(has))
        tell(f"share of watches with the {trait}", shared / np.maximum(watches, 1)[user])
    for name, values in context.user_profiles.items():
        tell(f"user's {name}", values[candidates.users][user])
    for name, values in context.content_profiles.items():
        tell(f"content's {name}", values[content])
    return table


def _summed(candidates: Candidates, friends: sp.csr_array, watched: sp.csr_array) -> Floats:
    """For each candidate the sum of ``watched`` over its user's ``friends``."""
    found = np.zeros(len(candidates.contents), dtype=np.result_type(friends.data, watched.data))
    place = np.full(watched.shape[1], -1, dtype=np.int32)
    mine = candidates.users, candidates.indptr, candidates.contents
    sums.sums_over_friends(*mine, *_arrays(friends), *_arrays(watched), place, found)
    return np.asarray(found, dtype=np.float32)


def _arrays(matrix: sp.csr_array) -> tuple[npt.NDArray[Any], ...]:
    return matrix.indptr, matrix.indices, matrix.data


def fold_of(users: Ints) -> Ints:
    """The fold of each user, 0 to `PipelineConfig.ranker_folds` - 1, by Knuth's hashing: even for any order of nids."""
    return np.asarray((users * 2_654_435_761 >> 16) % CONFIG.ranker_folds, dtype=np.int64)


@dataclass
class Ranker:
    """Gradient-boosted trees that start from the blend's scores and add to them; one forest for each fold of the users.

    A forest that starts from the blend changes only what improves it; one that starts from nothing first has to learn
    what the blend knows, and with little data it does not. Each user is ranked by the forest that did not learn from
    this user: a forest remembers a user's negatives, and what they watch later is among these.
    """

    forests: list[Any]
    names: list[str]
    """Names of the `features` that the forests use, in order."""

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        table: Floats,
        candidates: Candidates,
        blended: Floats,
        held_out: sp.csr_array,
        options: FitOptions,
    ) -> tuple[Self, Floats]:
        """Train one forest for each fold on the other folds; gives the ranker and the corrected ``blended`` scores.

        ``table`` holds the `features` of ``candidates`` called ``names``. ``blended`` are scores by a blend that did
        not learn from these users, and each user's scores are corrected by a forest that did not either.
        """
        import lightgbm

        labels = np.rint(np.clip(candidates.gains(held_out), 0.0, 1.0) * CONFIG.ranker_levels).astype(np.int32)
        sizes = np.diff(candidates.indptr)
        fold = fold_of(candidates.users)
        row_fold = fold[candidates.row_user]
        corrected = blended.copy()
        grown, curves = [], []
        folds = CONFIG.ranker_folds
        for number in range(folds):
            outside, learned = fold != number, row_fold != number
            train = lightgbm.Dataset(table[learned], labels[learned], group=sizes[outside], init_score=blended[learned])
            judge = train.create_valid(
                table[~learned], labels[~learned], group=sizes[~outside], init_score=blended[~learned]
            )
            curve: dict[str, Any] = {}
            forest = lightgbm.train(
                {**_SETTINGS, "seed": options.seed + number},
                train,
                CONFIG.ranker_rounds,
                valid_sets=[judge],
                keep_training_booster=True,  # otherwise LightGBM cuts the forest at its own best round
                callbacks=[
                    lightgbm.early_stopping(CONFIG.ranker_patience, verbose=False),
                    lightgbm.record_evaluation(curve),
                    _until(options, (number + 1) / folds),
                ],
            )
            grown.append(forest)
            curves.append(next(iter(curve["valid_0"].values())))
            options.progress((number + 1) / folds, "learning to rank")
        forests = []
        for number, forest in enumerate(grown):
            others = [curve for place, curve in enumerate(curves) if place != number]
            length = min(len(curve) for curve in others)  # a forest's rounds are chosen by the other forests' folds
            rounds = int(np.argmax(np.mean([curve[:length] for curve in others], axis=0))) + 1
            forest = lightgbm.Booster(model_str=forest.model_to_string(num_iteration=rounds))
            judged = row_fold == number
            corrected[judged] += np.asarray(forest.predict(table[judged], num_threads=2), dtype=np.float32)
            forests.append(forest)
        return cls(forests, list(names)), corrected

    def predict(self, table: Floats, candidates: Candidates) -> Floats:
        """The corrections to add to the blend's scores, from the `features` of ``candidates``; shape (rows,)."""
        fold = fold_of(candidates.users)[candidates.row_user]
        found = np.empty(len(table), dtype=np.float32)
        for number in np.unique(fold).tolist():
            rows = fold == number
            found[rows] = self.forests[number].predict(table[rows], num_threads=2 if rows.sum() > 10_000 else 1)
        return found

    def importance(self) -> dict[str, float]:
        """Share of the total gain of each feature, highest first."""
        gain = np.sum([forest.feature_importance("gain") for forest in self.forests], axis=0)
        share = gain / max(float(gain.sum()), 1e-12)
        return {self.names[i]: round(float(share[i]), 4) for i in np.argsort(-share, kind="stable")}

    def save(self, folder: Path) -> None:
        """Write a text file for each forest, and one with the names of the features, into ``folder``."""
        (folder / "features.json").write_text(json.dumps(self.names, indent=1))
        for number, forest in enumerate(self.forests):
            (folder / f"forest-{number}.txt").write_text(forest.model_to_string())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm

        names = json.loads((folder / "features.json").read_text())
        return cls([lightgbm.Booster(model_file=str(file)) for file in sorted(folder.glob("forest-*.txt"))], names)


def _until(options: FitOptions, share: float) -> Any:
    """A callback that ends a forest when the cap leaves no time: after ``share`` of `PipelineConfig.forests_cap`."""
    from lightgbm.callback import EarlyStopException

    def callback(environment: Any) -> None:
        if environment.iteration and not options.cap.allows(share=CONFIG.ranker_cap + CONFIG.forests_cap * share):
            raise EarlyStopException(environment.iteration, environment.evaluation_result_list)

    callback.order = 40  # type: ignore[attr-defined]
    return callback
