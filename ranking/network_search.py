"""Which graph network to train: narrow ones try settings on a validation part, the best settings get the full width."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from gnn import processes
from gnn.config import LARGE, GnnConfig
from gnn.recommender import GraphNetwork
from ranking import registry
from ranking.holdout import Holdout
from recommenders.core.recommender import Progress
from recommenders.core.search import says_nothing

__all__ = ["SHORTEST_S", "FoundNetwork", "search"]

_TRIALS: Final[Sequence[tuple[str, Sequence[float]]]] = (
    ("temperature", (0.3, 0.5, 0.8, 1.2)),
    ("temperature", (0.14, 0.1)),
    ("popularity", (0.5, 1.0)),
    ("layers", (1,)),
    ("friends", (0.5, 1.0)),
    ("friends", (0.0,)),
    ("weight_decay", (0.3, 0.1)),
    ("weight_decay", (3.0,)),
)
"""Of the network's settings, values in the order they are tried, beginning with the default, until one is no better
than the best before: the sparser the watches, the higher the best temperature, the more popularity says, and the less
there is to be had from friends of friends, whom fewer layers leave out. What friends count is tried where there are
any; fewer layers not where the network can place new contents, which lose by it and are too few in the validation
part to show it (docs/gnn.md)."""
_TRIAL: Final = {"dim": 64, "heads": 4}
"""A network half as wide tells settings apart in less than half the time."""
_TRIAL_SHARE: Final = 0.07
"""Of the time, for each trial."""
SHORTEST_S: Final = 90.0
"""With less time than this a trial would end after a few steps and tell nothing: one network has all of it then."""
_TRIALS_SHARE: Final = 0.65
"""Of the time, that no trial but those of the temperature may go beyond."""


@dataclass(frozen=True)
class FoundNetwork:
    """The network that does best on the validation part."""

    score: float
    """Its NDCG@10 there."""
    model: GraphNetwork
    settings: dict[str, Any]
    """Keyword arguments that make it again."""
    seconds: float
    """What all that were tried took."""


def search(
    name: str,
    holdout: Holdout,
    given: Mapping[str, Any],
    budget_s: float,
    progress: Progress,
    checkpoint: Path | None = None,
) -> FoundNetwork:
    """The network called ``name`` that does best on ``holdout``, made with what is ``given`` and settings found there.

    Narrower ones try temperatures and, where there is time, powers of popularity, fewer layers, weights of friends and
    weight decays; the best one's settings are trained in full width for the rest of the time, and kept if that is
    better: where watches are few, it need not be. Without the time for trials a narrow one is trained as it comes; so
    is one whose width is ``given``, and in a large graph whatever is. Each training goes on from what a killed one left
    in ``checkpoint``. Several processes (`gnn.processes`) that all call this train every network together.
    """
    spent = 0.0
    start = {setting: GnnConfig.model_fields[setting].default for setting, _ in _TRIALS}

    def fit(settings: dict[str, Any], seconds: float) -> FoundNetwork:
        nonlocal spent
        begun = time.monotonic()
        model: Any = registry.make(name, **settings)
        told = "-".join(str(getattr(model.config, setting)) for setting in ("dim", *start))
        kept = checkpoint and checkpoint / f"{name}-{told}"
        model.fit(holdout.train, progress, validation=holdout.worth, budget_s=seconds, checkpoint=kept)
        manifest = model.artifact.manifest
        took = max(time.monotonic() - begun, model.artifact.seconds)  # which knows of a run that was killed
        spent += processes.agreed(took)
        return FoundNetwork(manifest.metrics.get("validation_ndcg@10", 0.0), model, settings, spent)

    if "dim" in given or len(holdout.train.watched) + len(holdout.train.follows) > LARGE:
        return fit(dict(given), budget_s)
    first = {**_TRIAL, **start, **given}
    trial_s = _TRIAL_SHARE * budget_s
    if budget_s < SHORTEST_S:
        return fit(first, budget_s)
    best = fit(first, trial_s)
    for setting, values in _TRIALS:
        if says_nothing(setting, holdout.train) or (setting == "layers" and best.model.places_contents):
            continue
        for value in values if best.settings[setting] == start[setting] else ():  # else the other direction was better
            if setting != "temperature" and spent + trial_s > _TRIALS_SHARE * budget_s:
                break
            tried = fit({**best.settings, setting: value}, trial_s)
            if tried.score <= best.score:
                break
            best = tried
    narrow = {setting: value for setting, value in best.settings.items() if setting not in _TRIAL}
    wide = fit(narrow, max(budget_s - spent, 1.0))  # an epoch is trained whatever it takes
    return replace(max(best, wide, key=lambda found: found.score), seconds=spent)
