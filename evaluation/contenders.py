"""The recommenders of a comparison, with given settings or with settings searched on the training part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.rank import rank
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from ranking import registry
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.search import search
from recommenders.core.top_k import Ints

__all__ = ["Contender", "fit", "named", "read_settings"]


@dataclass(frozen=True)
class Contender:
    """A label, and a function that fits a new recommender to a training part."""

    label: str
    fit: Callable[[Snapshot, FitOptions], Recommender]
    recipe: str = ""
    """What distinguishes it from others with the same label; it identifies saved rankings."""
    rank: Callable[..., Ints] = rank
    """`evaluation.rank.rank`, or what has its parameters."""


def named(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]] | None = None, *, searched: bool = False
) -> list[Contender]:
    """Contenders from the registry.

    ``settings``: name → arguments of ``make``. With ``searched``, every recommender without given settings searches its
    space first, on a validation part of the training part, never on the test part. Raises SettingsError for an unknown
    name or setting and for an invalid value.
    """
    given = settings or {}
    return [_named(name, dict(given.get(name, {})), searched and name not in given) for name in names]


def fit(name: str, train: Snapshot, options: FitOptions) -> Recommender:
    """The recommender called ``name``, its settings searched on a validation part of ``train``, fitted on all of it."""
    kind = registry.kind(name)
    part = validation(train, seed=options.seed)
    share = kind.share_of_work
    own = options.but(share=share * options.share * options.work(train) / options.work(part.train))
    best = search(kind, part, own)
    return kind.make(**{**best.settings, **best.model.fitted_settings}).fit(
        train, options.but(share=share * options.share)
    )


def read_settings(file: Path) -> dict[str, dict[str, Any]]:
    """Model → settings, as ``entourage tune`` writes them. Raises SettingsError if ``file`` holds anything else."""
    try:
        settings = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", do="Give a file of `entourage tune`.") from error
    if not isinstance(settings, dict) or not all(isinstance(value, dict) for value in settings.values()):
        raise SettingsError(f"{file} does not hold settings by model.", do='It looks like {"ease": {"friends": 1.0}}.')
    return settings


def _named(name: str, chosen: dict[str, Any], searched: bool) -> Contender:
    made = registry.make(name, **chosen)
    searched = searched and bool(made.space)

    def fitted(train: Snapshot, options: FitOptions) -> Recommender:
        return fit(name, train, options) if searched else registry.make(name, **chosen).fit(train, options)

    recipe = json.dumps(made.settings, sort_keys=True)  # defaults may change
    return Contender(name, fitted, f"{recipe} searched" if searched else recipe)
