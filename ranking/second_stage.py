"""The second stage: how the first stage's scores become one ranking, chosen by what held-out users show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import scipy.sparse as sp

from baselines.recommender import Floats, Progress
from ranking.blend import Judge, search
from ranking.candidates import Candidates, Context
from ranking.ranker import Ranker, feature_names, features, fold_of

__all__ = ["SecondStage", "learn"]

_MIXES: Final = (1.0, 0.75, 0.5, 0.25)
_RANKER_MARGIN: Final = 2.0
"""Standard errors by which a ranker has to win: its rounds are chosen on the fold that judges it."""
_FEW_USERS: Final = 100
"""With fewer held-out users than this nothing but the blend is learned."""


@dataclass
class SecondStage:
    """A blend of the models, and where it helps a ranker on top of it."""

    models: list[str]
    weights: Floats
    """Of the models in the blend, shape (models,)."""
    ranker: Ranker | None = None
    mix: float = 0.0
    """Of the ranker's scores beside the blend's, each standardised over a user's candidates."""

    @property
    def needed(self) -> list[str]:
        """Models that have a say: all with a ranker, else those with weight."""
        return [m for m, weight in zip(self.models, self.weights, strict=True) if weight or self.ranker is not None]

    def keep(self, names: Sequence[str]) -> Self:
        """The same without the models that have no say."""
        kept = [self.models.index(name) for name in names]
        return type(self)(list(names), self.weights[kept], self.ranker, self.mix)

    def rank(self, candidates: Candidates, context: Context) -> Floats:
        """Final score of every candidate."""
        blend = candidates.scores @ self.weights
        if self.ranker is None:
            return blend
        learned = self.ranker.predict(features(candidates, blend, context), candidates)
        return _mixed(candidates, learned, blend, self.mix)

    def save(self, folder: Path) -> None:
        """Write into ``folder``."""
        stage = {"models": self.models, "weights": self.weights.tolist(), "mix": self.mix}
        (folder / "second_stage.json").write_text(json.dumps(stage, indent=1))
        if self.ranker is not None:
            self.ranker.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        stage = json.loads((folder / "second_stage.json").read_text())
        weights = np.array(stage["weights"], dtype=np.float32)
        ranker = Ranker.load(folder) if stage["mix"] else None
        return cls(stage["models"], weights, ranker, stage["mix"])


@dataclass(frozen=True)
class Verdict:
    """What validation said; every figure is NDCG@20 of users whom the thing judged was not learned from."""

    figures: dict[str, float]
    """By model, then ``blend``, ``ranker`` and ``ranker + blend`` where they were tried."""
    chosen: str
    importance: dict[str, float]


def learn(
    models: Sequence[str],
    candidates: Candidates,
    held_out: sp.csr_array,
    context: Context,
    *,
    budget_s: float,
    progress: Progress,
    seed: int = 0,
) -> tuple[SecondStage, Verdict]:
    """Learn a blend, a ranker and their mix, and take the simplest that nothing more complex beats clearly.

    Clearly: by more than one standard error of the users' differences, two for a ranker. ``held_out`` is
    users × contents. Without any held-out user the models are blended with even weights.
    """
    if not len(candidates.users):  # nothing to learn from: everyone has the same say
        even = np.ones(len(models), dtype=np.float32)
        return SecondStage(list(models), even), Verdict({}, "blend", {})
    judge = Judge(candidates, held_out)
    singles = {name: judge.by_user(candidates.scores[:, place]) for place, name in enumerate(models)}
    best = max(singles, key=lambda name: float(singles[name].mean()))
    options = [(best, singles[best], SecondStage(list(models), _one(models, best)))]

    progress(0.1, "searching the blend")
    crossed = np.empty(len(candidates.contents), dtype=np.float32)
    half = fold_of(candidates.users) % 2
    for side in (0, 1):
        outside = np.flatnonzero(half != side)
        rows = half[candidates.row_user] == side
        weights = search(candidates.of(outside), held_out, seed) if len(outside) else _one(models, best)
        crossed[rows] = candidates.scores[rows] @ weights
    weights = search(candidates, held_out, seed)
    options.append(("blend", judge.by_user(crossed), SecondStage(list(models), weights)))

    importance: dict[str, float] = {}
    if len(candidates.users) >= _FEW_USERS and budget_s > 0:
        table = features(candidates, crossed, context)
        ranker, learned = Ranker.fit(table, candidates, held_out, budget_s, progress, seed)
        importance = ranker.importance(feature_names(models, context))
        for mix in _MIXES:
            values = judge.by_user(_mixed(candidates, learned, crossed, mix))
            name = "ranker" if mix == 1.0 else f"ranker + blend {mix:g}"
            options.append((name, values, SecondStage(list(models), weights, ranker, mix)))

    figures = {name: float(values.mean()) for name, values in singles.items()}
    figures |= {name: float(values.mean()) for name, values, _ in options}
    chosen, values, stage = options[0]
    for name, others, other in options[1:]:
        gain = others - values
        margin = 1.0 if other.ranker is None else _RANKER_MARGIN
        if gain.mean() > margin * gain.std() / np.sqrt(max(len(gain), 1)):
            chosen, values, stage = name, others, other
    return stage, Verdict(figures, chosen, importance)


def _one(models: Sequence[str], name: str) -> Floats:
    return np.array([float(model == name) for model in models], dtype=np.float32)


def _mixed(candidates: Candidates, learned: Floats, blend: Floats, mix: float) -> Floats:
    return np.float32(mix) * _standard(candidates, learned) + np.float32(1.0 - mix) * _standard(candidates, blend)


def _standard(candidates: Candidates, values: Floats) -> Floats:
    """Mean 0 and deviation 1 over each user's candidates."""
    user, users = candidates.row_user, len(candidates.users)
    count = np.maximum(np.diff(candidates.indptr), 1)
    mean = np.bincount(user, weights=values, minlength=users) / count
    centred = values - mean[user]
    deviation = np.sqrt(np.bincount(user, weights=centred**2, minlength=users) / count)
    return np.asarray(centred / np.maximum(deviation, 1e-9)[user], dtype=np.float32)
