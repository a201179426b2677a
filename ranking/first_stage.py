"""The first stage: every recommender with its settings searched on validation, and fitted again on everything."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from graph import aside
from graph.errors import EntourageError
from graph.snapshot import Snapshot
from ranking import registry
from ranking.config import CONFIG
from recommenders.core.holdout import Holdout
from recommenders.core.options import FitOptions, Progress, part_of
from recommenders.core.recommender import Recommender
from recommenders.core.search import search
from recommenders.ease import Ease

__all__ = ["NETWORK", "FirstStage", "Member", "plan"]

NETWORK: Final = "gat"
"""The network of the pipeline."""
_LATE: Final[Mapping[str, Sequence[Any]]] = {
    "correction": (1.0, 0.75, 0.5, 0.25),
    "discount": (0.0, 0.1, 0.2, 0.3),
}
"""What stands between EASE and user-EASE: searched beside what EASE itself searches, and cheap."""
_INVERTED: Final[Mapping[str, Sequence[Any]]] = {
    "regularisation": Ease.space["regularisation"],
    "taper": (0.0, 0.25, 0.5),
}
_AGAIN: Final[Mapping[str, Sequence[Any]]] = {"regularisation": (1000.0, 300.0, 3000.0)}
"""λ found on a part of the users may be too small for all of them."""
_FRIENDS: Final[Mapping[str, Sequence[Any]]] = {"friends": Ease.space["friends"]}
_THINNED_SHARE: Final = 0.4
"""Of a member's work, for the search on a part of the users."""


@dataclass(frozen=True)
class Member:
    """One model of the first stage and its part of the work."""

    name: str
    share: float
    """Of the work for searching settings; what one member leaves goes to the next."""
    space: Mapping[str, Sequence[Any]] | None = None
    """What is searched; None for the model's own."""
    first: Mapping[str, Sequence[Any]] | None = None
    """What is searched before, on `PipelineConfig.thinned_users` of the users."""


def plan(snapshot: Snapshot) -> list[Member]:
    """The members that this graph has the data and the size for.

    The network comes first: training it takes the most memory, and later the others' matrices would stand beside it.
    """
    users = snapshot.users.count
    members = [Member(NETWORK, 0.0), Member("popularity", 0.15)]
    if users <= CONFIG.few_users:
        members += [Member("ease", 0.3, {**_INVERTED, **_FRIENDS, **_LATE}), Member("user-ease", 0.15)]
    elif users <= Ease.largest_side or snapshot.contents.count <= CONFIG.ease_contents:
        members.append(Member("ease", 0.5, {**_LATE, **_AGAIN, **_FRIENDS}, first={**_INVERTED, **_LATE}))
    members.append(Member("als", 0.3))
    members.append(Member("item-knn", 0.1))
    if users <= CONFIG.similar_users:
        members.append(Member("user-knn", 0.1))
        members.append(Member("gf-cf", 0.1))
    if len(snapshot.follows):
        members.append(Member("friends-items", 0.1))
    return members


@dataclass
class FirstStage:
    """Models by name, fitted on one snapshot, with what is needed to fit them again on another."""

    models: dict[str, Recommender] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Arguments of ``make`` by model."""
    trials: dict[str, int] = field(default_factory=dict)
    """Settings tried, by model."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Spent on each model, its search included. For people to read: nothing is decided by it, but for a cap."""

    @classmethod
    def tuned(
        cls,
        members: Sequence[Member],
        holdout: Holdout,
        options: FitOptions,
        *,
        network: Mapping[str, Any],
        shares: Mapping[str, float],
        progress: Progress,
    ) -> FirstStage:
        """Search every member's settings on ``holdout``; ``network`` are settings of the graph network that are given.

        ``shares`` are each member's parts of the work of ``options``. What is finished is kept in the folder
        ``options.checkpoint``, and not searched again by a run that finds it there. Under a cap members are left out
        once half of it is gone, popularity never.
        """
        stage = cls()
        for number, member in enumerate(members):
            if number and member.name != "popularity" and not options.cap.allows(share=0.5):
                continue
            began = time.monotonic()
            tell = part_of(progress, number / len(members), (number + 1) / len(members))
            tell(0.0, f"fitting {member.name}")
            own = options.but(share=options.share * shares[member.name], progress=tell)
            folder = options.checkpoint and options.checkpoint / member.name
            finished = _finished(folder, holdout.train) if member.name != NETWORK else None
            if finished is not None:
                model, settings, trials, seconds = finished
                began -= seconds
            else:
                model, settings, trials = _search(member, holdout, own, network if member.name == NETWORK else {})
                if member.name != NETWORK:
                    _finish(folder, model, settings, trials, time.monotonic() - began)
            stage.models[member.name], stage.settings[member.name] = model, settings
            stage.trials[member.name] = trials
            stage.seconds[member.name] = time.monotonic() - began
        return stage

    def again(self, names: Sequence[str], snapshot: Snapshot, options: FitOptions) -> FirstStage:
        """The models called ``names`` with the same settings, fitted on ``snapshot``.

        A network that is still among ``models`` is gone on from, and its turn is first, before there are the others'
        matrices: training it takes the most memory. Else it comes last.
        """
        fresh = FirstStage(trials=self.trials)
        start = self.models.pop(NETWORK, None)
        if NETWORK not in names:
            start = None
        for number, name in enumerate(sorted(names, key=lambda name: (name == NETWORK) == (start is None))):
            began = time.monotonic()
            tell = part_of(options.progress, number / len(names), (number + 1) / len(names))
            tell(0.0, f"fitting {name} on everything")
            folder = options.checkpoint and options.checkpoint / f"{name}-on-everything"
            own = options.but(progress=tell, checkpoint=folder, start=start if name == NETWORK else None)
            if name == NETWORK:
                start = None
            fresh.models[name] = registry.make(name, **self.settings[name]).fit(snapshot, own)
            fresh.settings[name] = self.settings[name]
            fresh.seconds[name] = time.monotonic() - began
        return fresh


def _search(
    member: Member, holdout: Holdout, options: FitOptions, given: Mapping[str, Any]
) -> tuple[Recommender, dict[str, Any], int]:
    """The member's best model, the settings to make it again with, and how many were tried."""
    kind = registry.kind(member.name)
    start, trials = dict(given), 0
    if member.first:
        thinned = holdout.thinned(min(CONFIG.thinned_users, holdout.train.users.count))
        work = options.work(holdout.train)
        part = options.but(share=_THINNED_SHARE * options.share * work / max(options.work(thinned.train), 1e-9))
        fewer = search(kind, thinned, part, start=start, space=member.first)
        start, trials = fewer.settings, len(fewer.trials)
        options = options.but(share=(1.0 - _THINNED_SHARE) * options.share)
    best = search(kind, holdout, options, start=start, space=member.space)
    return best.model, {**best.settings, **best.model.found}, trials + len(best.trials)


def _finished(folder: Path | None, snapshot: Snapshot) -> tuple[Recommender, dict[str, Any], int, float] | None:
    """What `_finish` wrote; None where that was not reached, or is damaged."""
    if folder is None:
        return None
    try:
        state = json.loads((folder / "search.json").read_text())
        model = registry.kind(folder.name).load(folder, snapshot)
        return model, state["settings"], state["trials"], state["seconds"]
    except (EntourageError, OSError, ValueError, KeyError):
        return None


def _finish(folder: Path | None, model: Recommender, settings: Mapping[str, Any], trials: int, seconds: float) -> None:
    """Keep a model whose search is over; without room for it, the search goes on all the same."""
    if folder is None:
        return
    try:
        model.save(folder)
        with aside.file(folder / "search.json") as file:
            file.write_text(json.dumps({"settings": settings, "trials": trials, "seconds": seconds}))
    except OSError as error:
        warnings.warn(f"No checkpoint was written: {error}", stacklevel=2)
