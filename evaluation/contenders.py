"""What takes part in a comparison: recommenders by name, as they come, with given settings, or tuned first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evaluation import splits
from gnn.recommender import GraphNetwork
from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from ranking import network_search, registry
from ranking.holdout import Holdout
from recommenders.baseline import Baseline
from recommenders.core.recommender import Progress, Recommender
from recommenders.core.search import tune

__all__ = ["Contender", "named", "validation"]

_SLICE: Final = 0.1
"""Share of the training part that settings are chosen by."""


@dataclass(frozen=True)
class Contender:
    """A label, and how to fit a fresh recommender to a training part with a seed."""

    label: str
    fit: Callable[[Snapshot, int, Progress], Recommender]
    recipe: str = ""
    """What besides the label tells it from others, for rankings that are kept (`evaluation.kept`)."""


def named(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]] | None = None, tune_s: float = 0.0
) -> list[Contender]:
    """Contenders from the registry.

    ``settings`` are keyword arguments by name. With ``tune_s``, every baseline and every network without given settings
    first searches its own for so many seconds, on a slice of the training part: the test part has no say. A network
    needs `network_search.SHORTEST_S` for that, and is trained as it comes with fewer. Whatever takes a seed gets the
    split's. Raises SettingsError for a name nobody knows.
    """
    given = settings or {}
    return [_named(name, dict(given.get(name, {})), 0.0 if name in given else tune_s) for name in names]


def validation(train: Snapshot, seed: int = 0) -> splits.Split:
    """A tenth of the training part held out: the newest where most watches have a time, else at random."""
    if timed(train):
        return splits.temporal(train, _SLICE, keep_counts=True)
    return splits.random(train, _SLICE, seed, keep_counts=True)


def _named(name: str, chosen: dict[str, Any], tune_s: float) -> Contender:
    kind = registry.kind(name)
    seeded = "seed" in registry.options(name) and "seed" not in chosen

    def fit(train: Snapshot, seed: int, progress: Progress) -> Recommender:
        final = chosen | ({"seed": seed} if seeded else {})
        if tune_s and issubclass(kind, Baseline) and kind.space:
            inner = validation(train, seed)
            final |= tune(kind, inner.train, inner.held_out, tune_s, progress, seed).settings
        elif tune_s >= network_search.SHORTEST_S and issubclass(kind, GraphNetwork):
            inner = validation(train, seed)
            found = network_search.search(name, Holdout(inner.train, inner.held_out), final, tune_s, progress)
            return kind(**found.settings).fit(train, progress, epochs=found.model.best_epochs)
        return registry.make(name, **final).fit(train, progress)

    told = getattr(registry.make(name, **chosen), "settings", chosen)  # defaults may change
    return Contender(name, fit, f"{json.dumps(told, sort_keys=True)} tuned for {tune_s:g} s")
