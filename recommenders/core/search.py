"""The search for settings: one setting after the other, in rounds, on a validation part, with a fixed work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import mean_ndcg
from recommenders.core.options import FitOptions, part_of
from recommenders.core.recommender import Recommender

__all__ = ["Searched", "Trial", "judging_cost", "score", "search"]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and their NDCG on validation."""

    settings: dict[str, Any]
    score: float


@dataclass(frozen=True)
class Searched:
    """The result of a search."""

    settings: dict[str, Any]
    """Settings of the best model, as arguments of its ``make``."""
    score: float
    """NDCG of the best model on validation."""
    model: Recommender
    """The best model, fitted on the training part of the search."""
    trials: list[Trial]
    """All trials, in order."""


def score(model: Recommender, holdout: Holdout, k: int = CORE.search_k) -> float:
    """NDCG@k of the model on at most `CoreConfig.search_users` held-out users, with engagement as the gain."""
    judged = holdout.sample(CORE.search_users)
    ids, _ = model.recommend(judged.users, k, allowed=holdout.allowed, held_back=holdout.masked)
    return mean_ndcg(ids, holdout.held_out[judged.users], k, graded=True)


def judging_cost(holdout: Holdout) -> float:
    """Seconds of the reference machine that `score` takes, estimated from sizes."""
    return COSTS.judging * min(len(holdout.users), CORE.search_users) * holdout.train.contents.count


def search(
    kind: type[Recommender],
    holdout: Holdout,
    options: FitOptions,
    *,
    start: Mapping[str, Any] | None = None,
    space: Mapping[str, Sequence[Any]] | None = None,
    most: int | None = None,
    k: int = CORE.search_k,
) -> Searched:
    """Try settings of ``space`` from ``start`` until none is better or the work of ``options`` is used up.

    For a setting with numbers, the next value of the list in one direction is tried as long as each is better; if the
    first is not better, the other direction. Of other settings all values are tried. The search then takes the next
    setting, and starts another round after every round that found a better value.

    The start is always fitted. Another trial begins only if its estimated cost (`Recommender.cost`) still fits into
    ``options.work``, so the same data and seed give the same trials on any machine, idle or busy. A cap can end the
    search earlier. ``most`` limits the number of trials, and ``k`` is the NDCG's list length. Without ``space`` and
    ``start`` the model's own space and defaults are used. Models with ``trial_settings`` are tried with these; the best
    is fitted once more without them at the end, and kept if it is better.
    """
    given, space = dict(start or {}), kind.space if space is None else space
    run = _Run(kind, holdout, options, most, k)
    whole = run.cost(kind.make(**given))
    narrow = {name: value for name, value in kind.trial_settings.items() if name not in given}
    if most == 1 or run.work < whole + 2 * run.cost(kind.make(**narrow, **given)):
        narrow = {}  # there is only one fit
    run.kept_back = whole if narrow else 0.0
    best = run.fit({**narrow, **given}, rest=bool(kind.trial_settings) and not narrow)
    before: Searched | None = None
    while before is not best:
        before = best
        for name, values in space.items():
            if name not in best.model.unsearched():
                best = run.improve(best, name, values)
    run.kept_back = 0.0
    if narrow and run.allowed(whole, most_of_cap=1.0):
        wide = run.fit({name: value for name, value in best.settings.items() if name not in narrow}, rest=True)
        best = max(wide, best, key=lambda searched: searched.score)  # the full one if nobody can be judged
    return best


class _Run:
    """One search: the work that is left, and the trials so far."""

    def __init__(
        self, kind: type[Recommender], holdout: Holdout, options: FitOptions, most: int | None, k: int
    ) -> None:
        self.kind, self.holdout, self.options, self.most, self.k = kind, holdout, options, most, k
        self.work = options.work(holdout.train)
        self.kept_back = 0.0
        """Work reserved for the last fit, without ``trial_settings``; that fit is one of ``most`` trials too."""
        self.spent = 0.0
        self.longest_s = 0.0
        self.trials: list[Trial] = []
        self.tried: set[tuple[tuple[str, str], ...]] = set()

    def cost(self, model: Recommender, changed: frozenset[str] | None = None) -> float:
        """Seconds of the reference machine to fit the model, or to change these settings of it, and to judge it."""
        return model.cost(self.holdout.train, changed) + judging_cost(self.holdout)

    def allowed(self, cost: float, most_of_cap: float = CORE.search_cap_share) -> bool:
        """Whether a trial of this cost may begin. The cap is checked only if the work is enough, so it counts as hit
        only if it really left something out."""
        return self.options.cap.allows(self.longest_s, most_of_cap) if self._fits(cost) else False

    def _fits(self, cost: float) -> bool:
        trials = len(self.trials) + bool(self.kept_back)
        return self.spent + cost <= self.work and (self.most is None or trials < self.most)

    def fit(
        self,
        settings: dict[str, Any],
        base: Recommender | None = None,
        changed: str | None = None,
        *,
        rest: bool = False,
    ) -> Searched:
        """Fit a model with these settings and judge it; if only ``changed`` differs from ``base``, reuse that model.

        The fit gets the work that it is estimated to cost, or with ``rest`` all work that is left.
        """
        train, began = self.holdout.train, self.options.cap.spent
        model = self.kind.make(**settings)
        cost = self.cost(model, None if changed is None else frozenset({changed}))
        options = self._options(settings, max(cost, self.work - self.spent) if rest else cost)
        if base is None or changed is None:
            model = model.fit(train, options)
        else:
            model = base.with_settings(options, **{changed: settings[changed]})
        self.spent += cost
        searched = Searched(settings, score(model, self.holdout, self.k), model, self.trials)
        self.longest_s = max(self.longest_s, self.options.cap.spent - began)
        self.tried.add(_key(model.resolved(train)))
        self.trials.append(Trial(settings, searched.score))
        return searched

    def improve(self, best: Searched, name: str, values: Sequence[Any]) -> Searched:
        """The best model over the values of one setting, with the others unchanged."""
        current = best.model.resolved(self.holdout.train).get(name)
        if current is None or not _numbers(values, current):
            for value in values:
                trial = self._trial(best, name, value)
                best = trial if trial is not None and trial.score > best.score else best
            return best
        start, never = best, 0.0 if name in self.kind.zero_is_never else None
        for direction in _directions(values, current, never):
            for value in direction:
                trial = self._trial(best, name, value)
                if trial is None or trial.score <= best.score:
                    break
                best = trial
            if best is not start:
                break  # away from the other direction
        return best

    def _trial(self, best: Searched, name: str, value: Any) -> Searched | None:
        """The best settings with one changed; None if they were tried before, or if no work is left for them."""
        if _key({**best.model.resolved(self.holdout.train), name: value}) in self.tried:
            return None
        settings = {**best.settings, name: value}
        if not self.allowed(self.cost(self.kind.make(**settings), frozenset({name})) + self.kept_back):
            return None
        return self.fit(settings, best.model, name)

    def _options(self, settings: Mapping[str, Any], cost: float) -> FitOptions:
        """Options of one trial: its share of the work, the validation part, a checkpoint folder of its own."""
        options, share = self.options, min(cost / self.work, 1.0)
        done = min(self.spent / self.work, 1.0)
        shown = ", ".join(f"{name} {value}" for name, value in settings.items()) or "defaults"
        options.progress(done, f"{self.kind.name}: {shown}")
        return options.but(
            validation=self.holdout,
            share=share * options.share,
            checkpoint=options.checkpoint and options.checkpoint / f"{self.kind.name}-trial-{len(self.trials)}",
            start=None,
            progress=part_of(options.progress, done, min(done + share, 1.0)),
        )


def _numbers(values: Sequence[Any], current: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in (*values, current))


def _directions(values: Sequence[Any], current: float, never: float | None) -> list[list[Any]]:
    """Values above and below the current one, nearest first; the direction that ``values`` lists first comes first.

    ``never`` is above all others.
    """

    def size(value: float) -> float:
        return math.inf if value == never else value

    up = sorted((value for value in values if size(value) > size(current)), key=size)
    down = sorted((value for value in values if size(value) < size(current)), key=size, reverse=True)
    first = next((value for value in values if value != current), current)
    return [up, down] if size(first) > size(current) else [down, up]


def _key(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in settings.items()))
