"""LightGBM's lambdarank over the candidates: where the blend is to be corrected, learned on validation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ranking.candidates import Candidates, Context, ranks
from ranking.config import CONFIG
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints

__all__ = ["FOLDS", "Ranker", "feature_names", "features", "fold_of", "mean_over_traits"]

_LEVELS: Final = 10
"""Engagement in 0..1 becomes a whole number up to this, as lambdarank wants; a bare watch is all of it."""
FOLDS: Final = 4
_SETTINGS: Final[dict[str, Any]] = {
    "objective": "lambdarank",
    "label_gain": list(range(_LEVELS + 1)),
    "lambdarank_truncation_level": 30,
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "bagging_by_query": True,
    "lambda_l2": 10.0,
    "max_bin": 127,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "metric": "ndcg",
    "eval_at": [20],
}


def feature_names(models: Sequence[str], context: Context) -> list[str]:
    """Names of all that `features` can tell of the candidates of ``models``."""
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
    """What the ranker sees of each row, shape (rows, len(names)); counts and ranks as log1p, what is unknown as NaN.

    ``names`` are some of `feature_names`. One that the ``context`` knows nothing of is unknown everywhere: a graph may
    have times where the part of it that was learned from had too few.
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
        tell(f"{model} rank", np.log1p(ranks(scores, candidates.indptr)))
    tell("blend score", blend)
    tell("blend rank", np.log1p(ranks(blend, candidates.indptr)))
    watches = np.diff(context.watched.indptr)[candidates.users]
    friends = np.diff(context.friends.indptr)[candidates.users]
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
    follows = context.follows[candidates.users]
    tell("follows the maker", mean_over_traits(candidates, follows, context.traits["maker"]))
    seen = context.ones[candidates.users]
    for trait, has in context.traits.items():
        shared = mean_over_traits(candidates, sp.csr_array(seen @ has), has)
        tell(f"share of watches with the {trait}", shared / np.maximum(watches, 1)[user])
    for name, values in context.user_profiles.items():
        tell(f"user's {name}", values[candidates.users][user])
    for name, values in context.content_profiles.items():
        tell(f"content's {name}", values[content])
    return table


def mean_over_traits(candidates: Candidates, mine: sp.csr_array, has: sp.csr_array) -> Floats:
    """For each row the mean of its user's row of ``mine``, one a user, over the columns that its content ``has``."""
    mine = mine.sorted_indices()
    theirs = sp.csr_array(has[candidates.contents])
    count = np.diff(theirs.indptr)
    if not len(theirs.indices):
        return np.zeros(len(candidates.contents), dtype=np.float32)
    values = np.asarray(mine[np.repeat(candidates.row_user, count), theirs.indices], dtype=np.float32)
    summed = np.bincount(np.repeat(np.arange(len(count)), count), weights=values, minlength=len(count))
    return np.asarray(summed / np.maximum(count, 1), dtype=np.float32)


def _summed(candidates: Candidates, friends: sp.csr_array, watched: sp.csr_array) -> Floats:
    """For each row the sum of what its user's ``friends`` have in ``watched``."""
    found = np.empty(len(candidates.contents), dtype=np.float32)
    block = 256
    for start in range(0, len(candidates.users), block):
        counts = np.asarray((friends[candidates.users[start : start + block]] @ watched).toarray())
        first, last = candidates.indptr[start], candidates.indptr[min(start + block, len(candidates.users))]
        found[first:last] = counts[candidates.row_user[first:last] - start, candidates.contents[first:last]]
    return found


def fold_of(users: Ints) -> Ints:
    """The fold of each user: 0 to `FOLDS` - 1, spread evenly whatever the order of the nids (Knuth's hashing)."""
    return np.asarray((users * 2_654_435_761 >> 16) % FOLDS, dtype=np.int64)


@dataclass
class Ranker:
    """Gradient-boosted trees that start from the blend's scores and add to them, one forest a fold of the users.

    Starting from the blend, a forest has to earn every change; one that starts from nothing has to find again what the
    blend knows, and on thin data does not. Each user is ranked by the forest that never saw them: a forest that learned
    from a user has seen what they will watch next among the negatives, and remembers it.
    """

    forests: list[Any]
    names: list[str]
    """Of the `features` that they see, in order."""

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
        """Train one forest a fold on all the others, and return ``blended`` as corrected by forests that never saw it.

        ``table`` holds the `features` of ``candidates`` called ``names``, ``blended`` their scores by a blend that
        never saw them.
        """
        import lightgbm

        labels = np.rint(np.clip(candidates.gains(held_out), 0.0, 1.0) * _LEVELS).astype(np.int32)
        counts = np.diff(candidates.indptr)
        fold = fold_of(candidates.users)
        row_fold = fold[candidates.row_user]
        corrected = blended.copy()
        grown, curves = [], []
        for number in range(FOLDS):
            outside, learned = fold != number, row_fold != number
            train = lightgbm.Dataset(
                table[learned], labels[learned], group=counts[outside], init_score=blended[learned]
            )
            judge = train.create_valid(
                table[~learned], labels[~learned], group=counts[~outside], init_score=blended[~learned]
            )
            curve: dict[str, Any] = {}
            forest = lightgbm.train(
                {**_SETTINGS, "seed": options.seed + number},
                train,
                CONFIG.ranker_rounds,
                valid_sets=[judge],
                keep_training_booster=True,  # else it is cut at its own best round
                callbacks=[
                    lightgbm.early_stopping(CONFIG.ranker_patience, verbose=False),
                    lightgbm.record_evaluation(curve),
                    _until(options, (number + 1) / FOLDS),
                ],
            )
            grown.append(forest)
            curves.append(next(iter(curve["valid_0"].values())))
            options.progress((number + 1) / FOLDS, "learning to rank")
        forests = []
        for number, forest in enumerate(grown):
            others = [curve for place, curve in enumerate(curves) if place != number]
            length = min(len(curve) for curve in others)  # the fold that judges a forest has no say in its rounds
            rounds = int(np.argmax(np.mean([curve[:length] for curve in others], axis=0))) + 1
            forest = lightgbm.Booster(model_str=forest.model_to_string(num_iteration=rounds))
            judged = row_fold == number
            corrected[judged] += np.asarray(forest.predict(table[judged], num_threads=2), dtype=np.float32)
            forests.append(forest)
        return cls(forests, list(names)), corrected

    def predict(self, table: Floats, candidates: Candidates) -> Floats:
        """What to add to the blend's scores, from the `features` of ``candidates``; shape (rows,)."""
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
        """One text file a forest in ``folder``, and one with the names."""
        (folder / "features.json").write_text(json.dumps(self.names, indent=1))
        for number, forest in enumerate(self.forests):
            (folder / f"forest-{number}.txt").write_text(forest.model_to_string())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        import lightgbm

        names = json.loads((folder / "features.json").read_text())
        return cls([lightgbm.Booster(model_file=str(file)) for file in sorted(folder.glob("forest-*.txt"))], names)


def _until(options: FitOptions, share: float) -> Any:
    """Ends a forest where the cap leaves it no time: the ranker's part ends at 0.7 of the whole."""
    from lightgbm.callback import EarlyStopException

    def callback(environment: Any) -> None:
        if environment.iteration and not options.cap.allows(share=0.6 + 0.1 * share):
            raise EarlyStopException(environment.iteration, environment.evaluation_result_list)

    callback.order = 40  # type: ignore[attr-defined]
    return callback
