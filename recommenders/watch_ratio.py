"""Expected watch time: the network of the KuaiRec notebook predicts a ratio, the duration makes seconds of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files.daily_features import daily_features, day_of
from graph.snapshot import Snapshot
from graph.snapshot.ages import newest_watch
from recommenders.core.baseline import Baseline, Count, Learned, Positive, Share
from recommenders.core.costs import COSTS
from recommenders.core.interactions import directed_social, engagement
from recommenders.core.options import FitOptions
from recommenders.core.top_k import Floats, Ints, Mask
from recommenders.ratio_config import RATIO
from recommenders.ratio_network import Network, Rows, features_apart, user_features, video_features
from recommenders.ratio_training import THREADS, Loss, Ranking, TrainingSettings, train

__all__ = ["WatchRatio", "ratios_of"]


@dataclass
class WatchRatio(Baseline):
    """Ranks by the seconds that somebody is expected to watch.

    Learns from the rows of ``WATCH_RATIO``, but for pairs that are not in ``WATCHED``: these are held out. The ratio of
    a watch that has none there, such as one that the service was told, is its progress. In a snapshot without ratios a
    watch counts by its engagement (1 if that does not vary), and as many pairs drawn at random count 0.
    """

    factors: Count = 32
    """Length of the vector of a user and of a video."""
    hidden: Count = 32
    """Width of the first hidden layer; the second has half of it."""
    epochs: Count = 5
    batch: Count = 1_024
    """Rows a step; the notebook has 32."""
    rate: Positive = 0.001
    """Learning rate of Adam; chosen on KuaiRand's validation part (experiments/watch-ratio.md)."""
    loss: Loss = "mse"
    """Squared errors, as in the notebook, absolute ones, or WLR (`TrainingSettings.loss`)."""
    ranking: Ranking = "none"
    """A loss of pairs or lists of a user's rows that is added (`TrainingSettings.ranking`)."""
    balance: Share = 0.0
    """How much more often rows of rare ratios are drawn (`TrainingSettings.balance`)."""
    daily: str = ""
    """KuaiRec's ``item_daily_features.csv``, whose features take the place of those of the rows; empty for none.
    Only days before the newest watch count, so that nothing leaks in that is later than what is learned."""
    friends: bool = False
    """Whether the mean vector of those whom a user follows is added to the user's."""
    people: bool = False
    """Whether what ``user_features.csv`` says of a user stands beside the user's vector (`user_features`)."""

    name: ClassVar[str] = "watch-ratio"

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        rows, flags = ratios_of(snapshot)
        seconds = _seconds(snapshot)
        shape = snapshot.users.count, snapshot.contents.count
        if not len(snapshot.edges[schema.WATCH_RATIO]):
            rows, flags = _with_unwatched(rows, shape, options.seed), {}
        followed = directed_social(snapshot)
        if self.daily:
            features, apart = _of_file(Path(self.daily), snapshot), None
        else:
            features = video_features(rows, seconds, flags)
            apart = features_apart(rows, seconds, flags, options.seed)
        described = user_features(snapshot.users.frame) if self.people else None
        network = train(
            rows,
            shape,
            features,
            TrainingSettings(
                factors=self.factors,
                hidden=self.hidden,
                epochs=self.epochs,
                batch=self.batch,
                rate=self.rate,
                loss=self.loss,
                ranking=self.ranking,
                balance=self.balance,
            ),
            apart=apart,
            friends=followed if self.friends and followed.nnz else None,
            people=described if described is not None and described.shape[1] else None,
            seed=options.seed,
            progress=options.progress,
            another=options.cap.another(),
        )
        median = np.nanmedian(seconds) if np.isfinite(seconds).any() else 1.0
        return {**network.arrays, "seconds": np.where(np.isfinite(seconds), seconds, median).astype(np.float32)}

    @property
    def _computed_with(self) -> dict[str, Any]:
        return {"threads": THREADS, "precision": "float32", "ratio": RATIO.model_dump(mode="json")}

    def _cost(self, snapshot: Snapshot) -> float:
        rows = max(len(snapshot.edges[schema.WATCH_RATIO]), 2 * len(snapshot.watched))
        passes = (2.0 if self.ranking == "none" else 4.0) * self.epochs
        return passes * rows * (COSTS.ratio_row + COSTS.ratio_step / self.batch)

    @cached_property
    def _network(self) -> Network:
        return Network({name: self._dense(name) for name in self.learned if name != "seconds"})

    def predict(self, users: Ints, contents: Ints) -> Floats:
        """The expected ratio of each pair, shape (n,)."""
        return self._network.predict(users, contents)

    def scores(self, users: Ints) -> Floats:
        """Seconds that each user is expected to watch of each content, shape (users, contents)."""
        ratios = self._network.scores(np.asarray(users, dtype=np.int64))
        return np.asarray(ratios * self._dense("seconds"), dtype=np.float32)

    @cached_property
    def _learned_from(self) -> Mask:
        """Whether each user has a row to learn from, shape (users,)."""
        rows, _ = ratios_of(self.snapshot)
        return np.asarray(np.bincount(rows.users, minlength=self.snapshot.users.count) > 0)

    def known_users(self, users: Ints) -> Mask:
        """Whether each of ``users`` watched something whose ratio is known."""
        return self._learned_from[users]


def ratios_of(snapshot: Snapshot) -> tuple[Rows, dict[str, Mask]]:
    """The ratios of ``WATCH_RATIO`` whose pair is in ``WATCHED``, then the progress of pairs that have none there.

    In a snapshot without ratios the engagement of all watches, or 1 if that does not vary. Beside the rows: whether
    each was liked, ….
    """
    edges, watched = snapshot.edges[schema.WATCH_RATIO], snapshot.watched
    users, videos = watched.source.astype(np.int64), watched.target.astype(np.int64)
    if not len(edges):
        return Rows(users, videos, np.asarray(engagement(snapshot), dtype=np.float32)), {}
    width = snapshot.contents.count
    known = users * width + videos
    keys = edges.source.astype(np.int64) * width + edges.target
    place = np.searchsorted(known, keys)
    inside = known[np.minimum(place, len(known) - 1)] == keys if len(known) else np.zeros(len(keys), dtype=bool)
    place = place[inside]
    ratios = np.asarray(edges.columns["ratio"], dtype=np.float32)[inside]
    if "progress" in watched.columns:
        progress = np.asarray(watched.columns["progress"], dtype=np.float32)
        alone = np.isfinite(progress)
        alone[place] = False
        place = np.concatenate([place, np.flatnonzero(alone)])
        ratios = np.concatenate([ratios, progress[alone]])
    names = [name for name in ("liked", "commented", "shared") if name in watched.columns]
    flags = {name: np.asarray(watched.columns[name], dtype=bool)[place] for name in names}
    return Rows(users[place], videos[place], ratios), flags


def _with_unwatched(rows: Rows, shape: tuple[int, int], seed: int) -> Rows:
    """The rows and as many drawn at random among the pairs that they do not hold, with 0."""
    random = np.random.default_rng(seed)
    known = np.unique(rows.users * shape[1] + rows.videos)
    drawn = random.integers(0, max(1, shape[0] * shape[1]), 2 * len(rows) + 64)
    drawn = np.unique(drawn[~np.isin(drawn, known)])
    drawn = random.permutation(drawn)[: len(rows)]
    zeros = np.zeros(len(drawn), dtype=np.float32)
    return Rows(
        np.concatenate([rows.users, drawn // shape[1]]),
        np.concatenate([rows.videos, drawn % shape[1]]),
        np.concatenate([rows.ratios, zeros]),
    )


def _seconds(snapshot: Snapshot) -> Floats:
    """The duration of each content in seconds, NaN where unknown or 0."""
    column = snapshot.contents.column("duration")
    if column is None:
        return np.full(snapshot.contents.count, np.nan, dtype=np.float32)
    found = column.cast(float).fill_null(np.nan).to_numpy().astype(np.float32)
    return np.where(found > 0, found, np.float32(np.nan))


def _of_file(file: Path, snapshot: Snapshot) -> Floats:
    """The fifteen features of each content from a file of days, 0 where unknown. Raises InputError."""
    newest = newest_watch(snapshot)
    if newest is None:
        raise InputError(
            "Most watches have no time, so that no day of a file can be told to be earlier than they are.",
            do="Leave daily out, or import watches with times.",
        )
    told = daily_features(file, day_of(newest))
    numbers = snapshot.contents.ids.str.strip_prefix(schema.KEAK_PREFIX).cast(pl.Int64, strict=False)
    mine = pl.DataFrame({"video_id": numbers}).join(told, on="video_id", how="left", maintain_order="left")
    if not mine["video_duration"].count():
        raise InputError(
            f"{file} names none of the contents of the snapshot on a day before its newest watch.",
            do="Give the item_daily_features.csv of the data that were imported, or leave daily out.",
        )
    return mine.drop("video_id").fill_null(0.0).to_numpy().astype(np.float32)
