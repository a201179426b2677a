"""The second stage: turns the scores of the models into one ranking, by the validation part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp

from ranking import blend
from ranking.blend import Judge
from ranking.candidates import Candidates, Context
from ranking.config import CONFIG
from ranking.ranker import Ranker, feature_names, features, fold_of
from recommenders.core.options import FitOptions, part_of
from recommenders.core.top_k import Floats

__all__ = ["Choice", "SecondStage", "learn"]


@dataclass
class SecondStage:
    """A blend of the models, and a ranker that corrects it if it was better."""

    models: list[str]
    weights: Floats
    """Weight of each model in the blend, shape (models,)."""
    ranker: Ranker | None = None
    """Adds corrections to the blend's scores."""
    depth: int = CONFIG.depth
    """Candidates of every model for each user."""

    @property
    def needed(self) -> list[str]:
        """Models whose scores are used: all if there is a ranker, else those with a weight."""
        return [m for m, weight in zip(self.models, self.weights, strict=True) if weight or self.ranker is not None]

    def keep(self, names: Sequence[str]) -> Self:
        """The same with the models ``names`` only."""
        kept = [self.models.index(name) for name in names]
        return type(self)(list(names), self.weights[kept], self.ranker, self.depth)

    def rank(self, candidates: Candidates, context: Context) -> Floats:
        """The final score of every candidate."""
        blended = candidates.scores @ self.weights
        if self.ranker is None:
            return blended
        table = features(candidates, blended, self.models, context, self.ranker.names)
        return blended + self.ranker.predict(table, candidates)

    def save(self, folder: Path) -> None:
        """Write into ``folder``."""
        stage = {
            "models": self.models,
            "weights": self.weights.tolist(),
            "ranker": self.ranker is not None,
            "depth": self.depth,
        }
        (folder / "second_stage.json").write_text(json.dumps(stage, indent=1))
        if self.ranker is not None:
            self.ranker.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        stage = json.loads((folder / "second_stage.json").read_text())
        weights = np.array(stage["weights"], dtype=np.float32)
        ranker = Ranker.load(folder) if stage["ranker"] else None
        return cls(stage["models"], weights, ranker, stage.get("depth", CONFIG.depth))


@dataclass(frozen=True)
class Choice:
    """Results on the validation part. Every figure is NDCG@20 on users from whom blend and ranker did not learn."""

    figures: dict[str, float]
    """The figure of each model, of ``blend`` and, if it was tried, of ``blend + ranker``."""
    chosen: str
    importance: dict[str, float]


def learn(
    models: Sequence[str],
    candidates: Candidates,
    held_out: sp.csr_array,
    context: Context,
    options: FitOptions,
) -> tuple[SecondStage, Choice]:
    """Learn a blend and a ranker that corrects it; keep the best of model, blend and ranker on unseen users.

    The blend replaces the best model if it is better. The ranker replaces these if it is better by
    `PipelineConfig.ranker_margin` standard errors of the users' differences, because a bad ranker does more harm.
    ``held_out`` is users × contents. Without held-out users the models are blended with equal weights.
    """
    if not len(candidates.users):  # nothing to learn from: equal weights
        even = np.ones(len(models), dtype=np.float32)
        return SecondStage(list(models), even), Choice({}, "blend", {})
    judge = Judge(candidates, held_out)
    singles = {name: judge.by_user(candidates.scores[:, place]) for place, name in enumerate(models)}
    best = max(singles, key=lambda name: float(singles[name].mean()))
    choices = [(best, singles[best], SecondStage(list(models), _one(models, best)))]

    options.progress(0.1, "blending the models")
    fold = fold_of(candidates.users)
    row_fold = fold[candidates.row_user]
    crossed = np.empty(len(candidates.contents), dtype=np.float32)
    for number in range(CONFIG.ranker_folds):
        outside = np.flatnonzero(fold != number)
        rows = row_fold == number
        crossed[rows] = candidates.scores[rows] @ blend.fit(candidates.of(outside), held_out)
    weights = blend.fit(candidates, held_out)
    choices.append(("blend", judge.by_user(crossed), SecondStage(list(models), weights)))

    importance: dict[str, float] = {}
    if len(candidates.users) >= CONFIG.ranker_users and options.cap.allows(share=CONFIG.ranker_cap):
        names = feature_names(models, context)
        table = features(candidates, crossed, models, context, names)
        ranker, corrected = Ranker.fit(
            names, table, candidates, crossed, held_out, options.but(progress=part_of(options.progress, 0.3, 1.0))
        )
        importance = ranker.importance()
        choices.append(("blend + ranker", judge.by_user(corrected), SecondStage(list(models), weights, ranker)))

    figures = {name: float(values.mean()) for name, values in singles.items()}
    figures |= {name: float(values.mean()) for name, values, _ in choices}
    chosen, values, stage = choices[0]
    for name, others, other in choices[1:]:
        gain = others - values
        margin = 0.0 if other.ranker is None else CONFIG.ranker_margin
        if gain.mean() > margin * gain.std() / np.sqrt(max(len(gain), 1)):
            chosen, values, stage = name, others, other
    return stage, Choice(figures, chosen, importance)


def _one(models: Sequence[str], name: str) -> Floats:
    return np.array([float(model == name) for model in models], dtype=np.float32)
