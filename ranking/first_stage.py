"""The first stage: every recommender with its settings searched on validation, and fitted again on everything."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gnn import processes
from graph import aside
from graph.errors import EntourageError
from graph.snapshot import Snapshot
from ranking import network_search, registry
from ranking.holdout import Holdout
from recommenders.baseline import Baseline
from recommenders.core.recommender import Progress, Recommender
from recommenders.core.search import tune
from recommenders.ease import Ease

__all__ = ["FirstStage", "Member", "plan"]

_LATE: Final[Mapping[str, Sequence[Any]]] = {
    "correction": (1.0, 0.75, 0.5, 0.25),
    "discount": (0.0, 0.1, 0.2, 0.3),
}
"""EASE's kin between contents and users: searched beside what the baseline searches, and cheap."""
_INVERTED: Final[Mapping[str, Sequence[Any]]] = {
    "regularisation": Ease.space["regularisation"],
    "taper": (0.0, 0.25, 0.5),
}
_AGAIN: Final[Mapping[str, Sequence[Any]]] = {"regularisation": (1000.0, 300.0, 3000.0)}
"""λ found on a part of the users may be too small for all of them."""
_FRIENDS: Final[Mapping[str, Sequence[Any]]] = {"friends": Ease.space["friends"]}
_THINNED: Final = 5_000
"""Users that a large graph's λ is searched on: an inverse costs the cube of their number."""
_TWO_INVERSES: Final = 6_000
"""Up to so many users the regression over users gets an inverse and a λ of its own."""
_SIMILAR_USERS: Final = 100_000
"""With more users than this, whatever compares users with users is left out."""
_EASE_CONTENTS: Final = 100_000
"""With more contents than this, and too many users for an inverse, EASE is left out: it would learn a few of them."""


@dataclass(frozen=True)
class Member:
    """One model of the first stage and its part of the time."""

    name: str
    share: float
    """Of the time for searching settings."""
    space: Mapping[str, Sequence[Any]] | None = None
    """What is searched; None for the model's own."""
    first: Mapping[str, Sequence[Any]] | None = None
    """What is searched before, on `_THINNED` of the users."""


def plan(snapshot: Snapshot) -> list[Member]:
    """The members that this graph has the data and the size for.

    The network comes first: training it takes the most memory, and later the others' matrices would stand beside it.
    """
    users = snapshot.users.count
    few = users <= _TWO_INVERSES
    members = [Member("gnn", 0.0), Member("popularity", 0.15)]
    if few:
        members += [Member("ease", 0.3, {**_INVERTED, **_FRIENDS, **_LATE}), Member("user-ease", 0.15)]
    elif users <= Ease.largest_side or snapshot.contents.count <= _EASE_CONTENTS:
        members.append(Member("ease", 0.5, {**_LATE, **_AGAIN, **_FRIENDS}, first={**_INVERTED, **_LATE}))
    members.append(Member("als", 0.3))
    members.append(Member("item-knn", 0.1))
    if users <= _SIMILAR_USERS:
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
    """Keyword arguments by model."""
    epochs: int | None = None
    """Of the graph network."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Spent on each model, its search included."""

    @classmethod
    def tuned(
        cls,
        members: Sequence[Member],
        holdout: Holdout,
        *,
        search_s: float,
        network_s: float,
        network: Mapping[str, Any],
        progress: Progress,
        seed: int = 0,
        checkpoint: Path | None = None,
    ) -> FirstStage:
        """Search every member's settings on ``holdout``.

        ``search_s`` seconds are shared by the members' parts, what one leaves going to the next; ``network_s`` is the
        graph network's, and ``network`` its settings. What is finished is kept in the folder ``checkpoint``, and not
        searched again by who finds it there.
        """
        found = cls()
        left = search_s
        parts = sum(member.share for member in members)
        for member in members:
            begun = time.monotonic()
            progress(len(found.models) / len(members), f"fitting {member.name}")
            if member.name == "gnn":
                best_network = network_search.search("gnn", holdout, network, network_s, progress, checkpoint)
                found.models["gnn"], found.epochs = best_network.model, best_network.model.best_epochs
                found.settings["gnn"], found.seconds["gnn"] = best_network.settings, best_network.seconds
                continue
            kept = checkpoint and checkpoint / member.name
            if kept and (before := _finished(kept, holdout.train)):
                found.models[member.name], found.settings[member.name], seconds = before
                begun -= seconds
            else:
                kind = registry.kind(member.name)
                assert issubclass(kind, Baseline)
                start = {"seed": seed} if "seed" in registry.options(member.name) else {}
                budget = left * member.share / parts
                if member.first:
                    thinned = holdout.thinned(_THINNED, seed)
                    fewer = tune(
                        kind,
                        thinned.train,
                        thinned.worth,
                        0.4 * budget,
                        progress,
                        seed,
                        start=start,
                        space=member.first,
                    )
                    start = fewer.settings
                    budget -= time.monotonic() - begun
                best = tune(kind, holdout.train, holdout.worth, budget, progress, seed, start=start, space=member.space)
                found.models[member.name], found.settings[member.name] = best.model, best.settings
                if kept:
                    _finish(kept, best.model, best.settings, time.monotonic() - begun)
            found.seconds[member.name] = time.monotonic() - begun
            left -= found.seconds[member.name]
            parts -= member.share
        return found

    def again(
        self,
        names: Sequence[str],
        snapshot: Snapshot,
        network_s: Callable[[], float],
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> FirstStage:
        """The models called ``names`` with the same settings, fitted on ``snapshot``.

        ``network_s`` tells the seconds that are left for the graph network when its turn comes: at the end. Where this
        one is still among ``models``, it is gone on from, and its turn is first, before there are the others' matrices:
        training it takes the most memory. For the others then stays what their search took. ``checkpoint`` is a folder
        for the network's training.
        """
        fresh = FirstStage(epochs=self.epochs)
        before: Any = self.models.pop("gnn", None)
        if "gnn" not in names:
            before = None
        others_s = sum(self.seconds[name] for name in names if name != "gnn") if before else 0.0
        for name in sorted(names, key=lambda name: (name == "gnn") == (before is None)):
            begun = time.monotonic()
            progress(len(fresh.models) / len(names), f"fitting {name} on everything")
            settings = self.settings[name]
            if name == "gnn":
                model: Any = registry.make("gnn", **settings)
                left = max(network_s() - others_s, 1.0)  # an epoch is trained whatever it takes
                seconds = processes.agreed(left, patiently=True)
                again = checkpoint and checkpoint / "gnn-on-everything"
                model.fit(snapshot, progress, epochs=self.epochs, budget_s=seconds, start=before, checkpoint=again)
                before = None
            else:
                model = registry.make(name, **settings).fit(snapshot)
            fresh.models[name], fresh.settings[name] = model, settings
            fresh.seconds[name] = time.monotonic() - begun
        return fresh


def _finished(kept: Path, snapshot: Snapshot) -> tuple[Recommender, dict[str, Any], float] | None:
    """A model whose search was over, its settings, and the seconds that took; None where it was not, or is damaged."""
    try:
        told = json.loads((kept / "search.json").read_text())
        return registry.kind(kept.name).load(kept, snapshot), told["settings"], told["seconds"]
    except (EntourageError, OSError, ValueError, KeyError):
        return None


def _finish(kept: Path, model: Recommender, settings: Mapping[str, Any], seconds: float) -> None:
    """Write what `_finished` reads; without room for it, the search goes on all the same."""
    try:
        model.save(kept)
        with aside.file(kept / "search.json") as file:
            file.write_text(json.dumps({"settings": settings, "seconds": seconds}))
    except OSError as error:
        warnings.warn(f"No checkpoint was written: {error}", stacklevel=2)
