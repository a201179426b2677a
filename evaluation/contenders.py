"""What takes part in a comparison: recommenders by name, with given settings or searched on the training part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph.errors import SettingsError
from graph.snapshot import Snapshot
from ranking import registry
from recommenders.core.holdout import validation
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.search import search

__all__ = ["Contender", "fit", "named", "read_settings"]

_SHARE: Final = 0.3
"""Of an effort's work, for the search of a model that the pipeline is compared to. The pipeline has all of it, for the
search of eight models, their blend and ranker. By hand …"""
_NETWORK_SHARE: Final = 0.6
"""… and of a network, which the pipeline gives 0.4 and another 0.3 on everything."""


@dataclass(frozen=True)
class Contender:
    """A label, and how to fit a fresh recommender to a training part."""

    label: str
    fit: Callable[[Snapshot, FitOptions], Recommender]
    recipe: str = ""
    """What besides the label tells it from others, for rankings that are kept (`evaluation.kept`)."""


def named(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]] | None = None, *, searched: bool = False
) -> list[Contender]:
    """Contenders from the registry.

    ``settings`` are arguments of ``make`` by name. With ``searched`` every other recommender that has a space searches
    it first, on a part of the training part: the test part has no say. Raises SettingsError for an unknown name,
    setting or value.
    """
    given = settings or {}
    return [_named(name, dict(given.get(name, {})), searched and name not in given) for name in names]


def fit(name: str, train: Snapshot, options: FitOptions) -> Recommender:
    """The recommender called ``name``, its settings searched on a validation part of ``train``, fitted on all of it."""
    kind = registry.kind(name)
    part = validation(train, seed=options.seed)
    share = _NETWORK_SHARE if kind.trial_settings else _SHARE
    own = options.but(share=share * options.share * options.work(train) / options.work(part.train))
    best = search(kind, part, own)
    return kind.make(**{**best.settings, **best.model.found}).fit(train, options.but(share=share * options.share))


def read_settings(file: Path) -> dict[str, dict[str, Any]]:
    """Settings by model, as ``entourage tune`` writes them. Raises SettingsError when ``file`` holds something else."""
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
