"""Search a recommender's declared settings with optuna, judged by a slice of the training part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import metrics
from evaluation.contenders import validation
from evaluation.rank import rank
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from ranking import registry
from recommenders.core.recommender import Progress

__all__ = ["Found", "Trial", "read_settings", "space", "tune"]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and their NDCG@k on the validation slice."""

    settings: dict[str, Any]
    score: float


@dataclass(frozen=True)
class Found:
    """What a search found."""

    model: str
    default: Trial
    trials: list[Trial]
    """Best first, the default among them."""

    @property
    def best(self) -> Trial:
        return self.trials[0]


def read_settings(file: Path) -> dict[str, dict[str, Any]]:
    """Settings by model, as ``entourage tune`` writes them. Raises SettingsError when ``file`` holds something else."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", do="Give a file of `entourage tune`.") from error
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise SettingsError(f"{file} does not hold settings by model.", do='It looks like {"ease": {"friends": 1.0}}.')
    return found


def space(name: str) -> Mapping[str, Sequence[Any]]:
    """Setting → values to try, as the recommender called ``name`` declares them.

    Raises SettingsError for a name nobody knows, and for a recommender that declares none.
    """
    declared: Mapping[str, Sequence[Any]] = getattr(registry.kind(name), "space", {})
    if not declared:
        raise SettingsError(
            f"{name} declares no settings to search.", do="It chooses them while it trains: `entourage train`."
        )
    return declared


def tune(
    name: str,
    train: Snapshot,
    *,
    trials: int = 30,
    seconds: float | None = None,
    k: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Try the defaults, then what a tree-structured Parzen estimator proposes: ``trials`` in all, within ``seconds``.

    A tenth of ``train`` is held out to judge by (`contenders.validation`); whatever was held out to make ``train`` is
    never seen. Reproducible by ``seed`` unless ``seconds`` ends it. Raises SettingsError as `space` does.
    """
    import optuna  # takes seconds, and `entourage evaluate` only reads settings

    choices = space(name)
    inner = validation(train, seed)
    held_out = inner.held_out[inner.users]
    tried: list[Trial] = []

    def objective(settings: dict[str, Any]) -> float:
        if progress is not None:
            shown = ", ".join(f"{key} {value}" for key, value in settings.items()) or "defaults"
            progress(len(tried) / trials, f"{name}: {shown}")
        model = registry.make(name, **settings).fit(inner.train)
        judged = metrics.judge(rank(model, inner, k, seed=seed), held_out)
        tried.append(Trial(settings, float(metrics.ndcg(judged, k).mean())))
        return tried[-1].score

    default = objective({})
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    seen: dict[tuple[Any, ...], float] = {}

    def suggested(trial: optuna.Trial) -> float:
        settings = {key: trial.suggest_categorical(key, list(values)) for key, values in choices.items()}
        point = tuple(settings.values())
        if point not in seen:  # a small space is soon proposed twice
            seen[point] = objective(settings)
        return seen[point]

    if trials > 1:
        study.optimize(suggested, n_trials=trials - 1, timeout=seconds)
    ordered = sorted(tried, key=lambda trial: -trial.score)  # stable: the defaults win ties
    return Found(name, Trial({}, default), ordered)
