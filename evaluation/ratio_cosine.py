"""The KuaiRec notebook's first attempt, a cosine over hand-made features, as a row of the suite of watch ratios."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import scipy.sparse as sp

from evaluation.ratio_models import MOST_APART, Matrix
from graph.files.daily_features import daily_counts
from recommenders.core.nearest import unit
from recommenders.core.options import Progress
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Rows

if TYPE_CHECKING:
    from evaluation.watch_ratio_suite import Data

__all__ = ["COSINE", "HandMade", "cosine", "hand_made"]

COSINE: Final = "cosine, hand-made features"
_AT_ONCE: Final = 1 << 17
_COUNTS: Final = 8
"""The first features of rows are counts and durations."""
_SCORES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "completion": (("complete_play",), ()),
    "validation": (("valid_play",), ()),
    "depth": (("long_time_play",), ()),
    "short plays": (("short_time_play",), ()),
    "likes": (("like",), ()),
    "comments": (("comment",), ()),
    "shares": (("share",), ()),
    "downloads": (("download",), ()),
    "collected": (("collect",), ()),
    "reports": (("report",), ()),
    "reduced similar": (("reduce_similar",), ()),
    "follower impact": (("follow",), ("cancel_follow",)),
    "retention": (("long_time_play",), ("short_time_play",)),
    "quality": (("complete_play", "valid_play", "long_time_play"), ("short_time_play", "report", "reduce_similar")),
    "engagement": (("like", "comment", "share", "follow", "collect"), ("cancel_like", "cancel_follow")),
}
"""Name → counts that are added and taken away, a share of the plays. The names are the notebook's, the sums ours."""


@dataclass(frozen=True)
class HandMade:
    """Hand-made features of each video, shape (videos, features): of rows, of the file of days, and categories."""

    values: Matrix
    of_rows: int
    of_days: int
    categories: int


@functools.lru_cache(maxsize=1)
def hand_made(data: Data) -> HandMade:
    """The eleven of rows (`video_features`), and what the folder has beside: counts of days, and categories.

    Counts are of all days, as in the notebook: they know the days that are judged.
    """
    rows = data.features().astype(np.float64)
    parts = [np.concatenate([np.log1p(rows[:, :_COUNTS]), rows[:, _COUNTS:]], axis=1)]
    parts.append(np.zeros((data.videos, 0)) if data.daily is None else _of_days(data))
    parts.append(np.zeros((data.videos, 0)) if data.categories is None else data.categories.toarray())
    return HandMade(np.concatenate(parts, axis=1), *(part.shape[1] for part in parts))


def _of_days(data: Data) -> Matrix:
    """Logarithms of the mean counts of each day, the scores that are made of them, and the trend of the plays."""
    assert data.daily is not None
    told = daily_counts(data.daily)
    told = pl.DataFrame({"video_id": data.ids}).join(told, on="video_id", how="left", maintain_order="left")
    told = told.drop("video_id").fill_null(0.0)
    shown, plays, length = (pl.col(name) + 1.0 for name in ("show_cnt", "play_cnt", "video_duration"))
    scores = [
        (pl.col("play_cnt") / shown).alias("played"),
        (pl.col("play_duration") / length).alias("mean watch ratio"),
    ]
    for name, (more, less) in _SCORES.items():
        for_, against = (
            [pl.col(f"{one}_cnt") for one in part if f"{one}_cnt" in told.columns] for part in (more, less)
        )
        if for_:
            scores.append(((pl.sum_horizontal(for_) - pl.sum_horizontal(pl.lit(0.0), *against)) / plays).alias(name))
    return told.select(pl.exclude("trend").log1p(), "trend").hstack(told.select(scores)).to_numpy()


def cosine(data: Data, seed: int, progress: Progress) -> Floats:
    """How near a video's hand-made features are to those of what the user watched, as in the notebook's first attempt.

    A user is the mean of the standardised features of their videos, weighted by what their ratios differ from their
    mean. The cosine is moved to the scale of ratios by a line that is fitted to the validation part.
    """
    features = hand_made(data).values
    spread = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    rows = data.train.rows
    total = np.bincount(rows.users, weights=rows.ratios, minlength=data.users)
    mine = total / np.maximum(np.bincount(rows.users, minlength=data.users), 1)
    given = (np.clip(rows.ratios - mine[rows.users], -MOST_APART, MOST_APART), (rows.users, rows.videos))
    weights = sp.csr_array(given, shape=(data.users, data.videos))
    user, video = unit(weights @ standard), unit(standard)

    def near(of: Rows) -> Matrix:
        found = np.empty(len(of), dtype=np.float64)
        for start in range(0, len(of), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = np.einsum("ij,ij->i", user[of.users[part]], video[of.videos[part]])
        return found

    known, ratios = near(data.validation.rows), data.validation.rows.ratios
    if not np.ptp(known) > 0.0:  # no line goes through a single cosine
        return np.full(len(data.test.rows.users), ratios.mean(), dtype=np.float32)
    slope, level = np.polyfit(known, ratios, 1)
    return np.asarray(level + max(slope, 0.0) * near(data.test.rows), dtype=np.float32)
