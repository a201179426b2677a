"""The first stage: search every model's settings on the validation part, then fit the models again on everything."""

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
from recommenders.core.effort import Cap
from recommenders.core.holdout import Holdout
from recommenders.core.options import FitOptions, Progress, part_of
from recommenders.core.recommender import Recommender
from recommenders.core.search import search
from recommenders.ease import Ease

__all__ = ["NETWORK", "FirstStage", "Member", "plan"]

NETWORK: Final = "gat"
"""The graph network that takes part in the pipeline."""
_LATE: Final[Mapping[str, Sequence[Any]]] = {
    "correction": CONFIG.ease_corrections,
    "discount": CONFIG.ease_discounts,
}
"""EASE's settings between EASE and user-EASE; only the pipeline searches them, and trying a value is cheap."""
_INVERTED: Final[Mapping[str, Sequence[Any]]] = {
    "regularisation": Ease.space["regularisation"],
    "taper": CONFIG.ease_tapers,
}
"""EASE's settings for which every value needs another inverse."""
_AGAIN: Final[Mapping[str, Sequence[Any]]] = {"regularisation": Ease.space["regularisation"]}
"""The λ once more: the best on `PipelineConfig.thinned_users` may be too small for all users."""
_FRIENDS: Final[Mapping[str, Sequence[Any]]] = {"friends": Ease.space["friends"]}


@dataclass(frozen=True)
class Member:
    """One model of the first stage and its share of the work."""

    name: str
    share: float
    """Share of the work for searching settings, relative to the shares of the other members."""
    space: Mapping[str, Sequence[Any]] | None = None
    """Settings to search; None for the model's own space."""
    first: Mapping[str, Sequence[Any]] | None = None
    """Settings to search before these, on `PipelineConfig.thinned_users` users."""


def plan(snapshot: Snapshot, *, quick: bool = False) -> list[Member]:
    """The models that take part, by the size of the graph; with ``quick`` without `PipelineConfig.quick_without`.

    The network comes first, because its training needs most memory: the matrices of the other models come later.
    """
    users, shares = snapshot.users.count, CONFIG.member_shares
    names = ["popularity", "als", "item-knn"]
    if users <= CONFIG.similar_users:
        names += [name for name in ("user-knn", "gf-cf") if registry.make(name).cost(snapshot) <= CONFIG.similar_s]
    if len(snapshot.follows):
        names.append("friends-items")
    members = [Member(name, shares[name]) for name in names]
    if users <= CONFIG.few_users:
        ease = Member("ease", shares["ease"], {**_INVERTED, **_FRIENDS, **_LATE})
        members[1:1] = [ease, Member("user-ease", shares["user-ease"])]
    elif users <= Ease.largest_side or snapshot.contents.count <= CONFIG.ease_contents:
        space, first = {**_LATE, **_AGAIN, **_FRIENDS}, {**_INVERTED, **_LATE}
        members.insert(1, Member("ease", CONFIG.large_ease_share, space, first))
    left_out = CONFIG.quick_without if quick else ()
    return [Member(NETWORK, 0.0), *(member for member in members if member.name not in left_out)]


@dataclass
class FirstStage:
    """Models by name, fitted on one snapshot, with their settings, to fit them again on another."""

    models: dict[str, Recommender] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Model → arguments of ``make``."""
    trials: dict[str, int] = field(default_factory=dict)
    """Model → number of settings tried."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Model → seconds for its search and fits. For people to read; nothing depends on them."""

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
        """Search every member's settings on ``holdout``. ``network`` are given settings of the graph network.

        ``shares``: member → its share of the work of ``options``. A finished member is saved in the folder
        ``options.checkpoint``, and a later run that finds it there does not search it again; if a cap was reached in
        that search, the cap of the later run counts as reached. When `PipelineConfig.first_stage_cap` of a cap is
        spent, all members but popularity are left out.
        """
        stage = cls()
        for number, member in enumerate(members):
            if number and member.name != "popularity" and not options.cap.allows(share=CONFIG.first_stage_cap):
                continue
            began = time.monotonic()
            tell = part_of(progress, number / len(members), (number + 1) / len(members))
            tell(0.0, f"fitting {member.name}")
            own = options.but(share=options.share * shares[member.name], progress=tell)
            folder = options.checkpoint and options.checkpoint / member.name
            finished = _finished(folder, holdout.train) if member.name != NETWORK else None
            before, options.cap.hit = options.cap.hit, False  # what is saved says it of this search alone
            if finished is not None:
                model, settings, trials, seconds, options.cap.hit = finished
                began -= seconds
            else:
                model, settings, trials = _search(member, holdout, own, network if member.name == NETWORK else {})
                if member.name != NETWORK:
                    _finish(folder, model, settings, trials, time.monotonic() - began, capped=options.cap.hit)
            options.cap.hit |= before
            stage.models[member.name], stage.settings[member.name] = model, settings
            stage.trials[member.name] = trials
            stage.seconds[member.name] = time.monotonic() - began
        return stage

    def again(self, names: Sequence[str], snapshot: Snapshot, options: FitOptions) -> FirstStage:
        """The models called ``names`` with the same settings, fitted on ``snapshot``.

        If the network is still among ``models``, its training continues from there, and before the other models are
        fitted, because it needs most memory. Otherwise it is trained last.
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
            else:
                own = own.but(cap=Cap())  # whole as the second stage has seen it; only the network goes on from there
            fresh.models[name] = registry.make(name, **self.settings[name]).fit(snapshot, own)
            fresh.settings[name] = self.settings[name]
            fresh.seconds[name] = time.monotonic() - began
        return fresh


def _search(
    member: Member, holdout: Holdout, options: FitOptions, given: Mapping[str, Any]
) -> tuple[Recommender, dict[str, Any], int]:
    """The member's best model, the settings to make it again, and the number of trials."""
    kind = registry.kind(member.name)
    start, trials = dict(given), 0
    if member.first:
        thinned = holdout.thinned(CONFIG.thinned_users)
        work = options.work(holdout.train)
        part = options.but(share=CONFIG.thinned_share * options.share * work / max(options.work(thinned.train), 1e-9))
        fewer = search(kind, thinned, part, start=start, space=member.first)
        start, trials = fewer.settings, len(fewer.trials)
        options = options.but(share=(1.0 - CONFIG.thinned_share) * options.share)
    best = search(kind, holdout, options, start=start, space=member.space)
    return best.model, {**best.settings, **best.model.fitted_settings}, trials + len(best.trials)


def _finished(folder: Path | None, snapshot: Snapshot) -> tuple[Recommender, dict[str, Any], int, float, bool] | None:
    """Read what `_finish` wrote; None if there is nothing or it is damaged."""
    if folder is None:
        return None
    try:
        state = json.loads((folder / "search.json").read_text())
        model = registry.kind(folder.name).load(folder, snapshot)
        return model, state["settings"], state["trials"], state["seconds"], bool(state.get("capped"))
    except (EntourageError, OSError, ValueError, KeyError):
        return None


def _finish(
    folder: Path | None, model: Recommender, settings: Mapping[str, Any], trials: int, seconds: float, *, capped: bool
) -> None:
    """Save a model whose search is finished; warn and continue if the disk is full."""
    if folder is None:
        return
    try:
        model.save(folder)
        with aside.file(folder / "search.json") as file:
            state = {"settings": settings, "trials": trials, "seconds": seconds, "capped": capped}
            file.write_text(json.dumps(state))
    except OSError as error:
        warnings.warn(f"No checkpoint was written: {error}", stacklevel=2)
