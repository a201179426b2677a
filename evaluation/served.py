"""The feed that the service composes with a model, judged beside the model's own list."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from evaluation.contenders import Contender
from graph.errors import SettingsError
from graph.live import View
from graph.settings import Composition, Engagement
from graph.snapshot import Snapshot
from recommend import live_feed, sources
from recommend.journey import Journey
from recommend.live_reader import LiveReader
from recommend.request import USUAL, Deadline, Request
from recommend.served_model import ServedModel
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
    """Each contender, and the feed as the service composes it with the same fitted model, labelled "as served"."""
    both = []
    for contender in contenders:
        shared = replace(contender, fit=_Once(contender))
        recipe = f"{contender.recipe} served {engagement.model_dump_json()} {composition.model_dump_json()}"
        rank = partial(feeds, engagement, composition)
        both += [shared, replace(shared, label=f"{contender.label} as served", recipe=recipe, rank=rank)]
    return both


class _Once:
    """Fits once for the two contenders that follow each other."""

    def __init__(self, contender: Contender) -> None:
        self._fit = contender.fit
        self._last: tuple[tuple[str, int], Recommender] | None = None

    def __call__(self, train: Snapshot, options: FitOptions) -> Recommender:
        key = train.digest, options.seed
        if self._last is None or self._last[0] != key:
            self._last = None  # the old model's memory is free before the new one is fitted
            self._last = key, self._fit(train, options)
        return self._last[1]


def feeds(
    engagement: Engagement,
    composition: Composition,
    model: Recommender,
    split: Holdout,
    k: int,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Ints:
    """As `evaluation.rank.rank`, for the feeds of ``k`` contents. Nothing in them is drawn: ``seed`` changes nothing.

    Raises SettingsError for a split that holds out whole users or contents: the service answers those from Neo4j.
    """
    if split.allowed is not None:
        raise SettingsError("--served judges feeds of known users.", do="Use --split random or --split time.")
    train, asked = split.train, ServedModel(model, model.name, None)
    view = View(train, engagement)
    reader = LiveReader(view)
    ids = np.full((len(split.users), k), -1, dtype=np.int64)
    users = train.users.ids.gather(split.users).to_list()
    contents = train.contents.ids
    for place, (number, user_id) in enumerate(zip(split.users.tolist(), users, strict=True)):
        masked = () if split.masked is None else contents.gather(split.masked[[number]].indices).to_list()
        deadline = Deadline(_PATIENCE_MS)
        request = Request("served", user_id, k, None, frozenset(masked), False, deadline, composition=composition)
        said = asked.best(request)
        journey = Journey(graph_down=False)
        chosen, _, _ = live_feed.compose(reader, request, [(sources.MODEL, said)] if said else [], journey, asked)
        if journey.errors:
            raise next(iter(journey.errors.values()))
        ids[place, : len(chosen)] = train.contents.nids(one.content_id for one in chosen)
        if place % _TOLD == 0:
            progress(place / len(users), "composing feeds")
    return ids
