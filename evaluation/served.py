"""The feed that the service composes with a model, judged beside the model's own list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from evaluation.contenders import Contender
from graph.errors import SettingsError
from graph.live import View
from graph.settings import Composition, Engagement
from graph.snapshot import Snapshot
from recommend import live_feed
from recommend.journey import Journey
from recommend.live_reader import LiveReader
from recommend.request import USUAL, Deadline, Request
from recommend.served_model import ServedModel, Together
from recommenders.core.holdout import Holdout
from recommenders.core.options import FitOptions, Progress, silent
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Ints

__all__ = ["feeds", "with_feeds"]

_PATIENCE_MS: Final = 600_000
_TOLD: Final = 64
"""Users between two reports of progress."""


def with_feeds(
    contenders: list[Contender], engagement: Engagement, composition: Composition = USUAL
) -> list[Contender]:
    """Each contender, and the feed as the service composes it with the same fitted model, labelled "as served".

    Where ``composition`` names several recommenders, the last one is the feed that they make together. Raises
    SettingsError if one of them does not take part in the comparison.
    """
    both = []
    once = {contender.label: _Once(contender) for contender in contenders}
    rank = partial(feeds, engagement, composition)
    how = f"served {engagement.model_dump_json()} {composition.model_dump_json()}"
    for contender in contenders:
        shared = replace(contender, fit=once[contender.label])
        served = f"{contender.recipe} {how}"
        both += [shared, replace(shared, label=f"{contender.label} as served", recipe=served, rank=rank)]
    if composition.recommenders:
        missing = ", ".join(name for name in composition.recommenders if name not in once)
        if missing:
            raise SettingsError(
                f"The settings name recommenders that are not compared: {missing}.",
                do="Add them to --models, or take them out of [feed.recommenders].",
            )
        several = _Several({name: once[name] for name in composition.recommenders}, composition)
        recipe = " ".join(contender.recipe for contender in contenders if contender.label in composition.recommenders)
        rank = partial(feeds, engagement, composition, together=several.together)
        label = f"{' + '.join(composition.recommenders)} as served"
        both.append(Contender(label, several, f"{recipe} {how}", rank))
    return both


class _Once:
    """Fits once for the two contenders that follow each other."""

    def __init__(self, contender: Contender) -> None:
        self._fit = contender.fit
        self._last: tuple[tuple[str, int], Recommender] | None = None
        self._capped = False

    def __call__(self, train: Snapshot, options: FitOptions) -> Recommender:
        key = train.digest, options.seed
        if self._last is None or self._last[0] != key:
            self._last = None  # the old model's memory is free before the new one is fitted
            self._last = key, self._fit(train, options)
            self._capped = options.cap.hit
        options.cap.hit |= self._capped
        return self._last[1]


class _Several:
    """Fits those that feed a page together. What it returns is the first of them."""

    def __init__(self, fits: Mapping[str, _Once], composition: Composition) -> None:
        self._fits, self._composition = fits, composition
        self._fitted: dict[str, Recommender] = {}

    def __call__(self, train: Snapshot, options: FitOptions) -> Recommender:
        self._fitted = {name: fit(train, options) for name, fit in self._fits.items()}
        return next(iter(self._fitted.values()))

    def together(self) -> ServedModel:
        """The models as the service asks them."""
        return Together(
            {name: ServedModel(model, name, None) for name, model in self._fitted.items()}, self._composition
        )


def feeds(
    engagement: Engagement,
    composition: Composition,
    model: Recommender,
    split: Holdout,
    k: int,
    *,
    together: Callable[[], ServedModel] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Ints:
    """As `evaluation.rank.rank`, for the feeds of ``k`` contents. Nothing in them is drawn: ``seed`` changes nothing.

    They are composed with ``model``, or with the models that ``together`` gives.

    Raises SettingsError for a split that holds out whole users or contents: the service answers those from Neo4j.
    """
    if split.allowed is not None:
        raise SettingsError("--served judges feeds of known users.", do="Use --split random or --split time.")
    train, asked = split.train, together() if together else ServedModel(model, model.name, None)
    view = View(train, engagement)
    reader = LiveReader(view)
    ids = np.full((len(split.users), k), -1, dtype=np.int64)
    users = train.users.ids.gather(split.users).to_list()
    contents = train.contents.ids
    for place, (number, user_id) in enumerate(zip(split.users.tolist(), users, strict=True)):
        masked = () if split.masked is None else contents.gather(split.masked[[number]].indices).to_list()
        deadline = Deadline(_PATIENCE_MS)
        request = Request("served", user_id, k, None, frozenset(masked), False, deadline, composition=composition)
        said = [(source, voice.best(request)) for source, voice in asked.voices]
        journey = Journey(graph_down=False)
        chosen, _, _ = live_feed.compose(reader, request, [one for one in said if one[1]], journey, asked)
        if journey.errors:
            raise next(iter(journey.errors.values()))
        ids[place, : len(chosen)] = train.contents.nids(one.content_id for one in chosen)
        if place % _TOLD == 0:
            progress(place / len(users), "composing feeds")
    return ids
