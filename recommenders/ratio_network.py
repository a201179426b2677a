"""The network of the KuaiRec notebook, which predicts a watch ratio from a user, a video and the video's features.

Embeddings of user and video; features → Dense ReLU; the three side by side → Dense ReLU → dropout → Dense ReLU → 1.
`recommenders.ratio_training` trains it with torch; here it is asked with numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from recommenders.core.top_k import Floats, Ints
from recommenders.ratio_config import RATIO

__all__ = ["FEATURES", "Apart", "Network", "Rows", "features_apart", "user_features", "video_features"]

_SUMS: Final = [1, 2, 4, 5, 6, 7, 10]
"""Places of `FEATURES` that grow with the rows; the notebook's "mean watch ratio" is a sum over the length."""
FEATURES: Final = (
    "video_duration",
    "play_cnt",
    "play_duration",
    "play_progress",
    "complete_play_cnt",
    "like_cnt",
    "comment_cnt",
    "share_cnt",
    "completion rate",
    "like rate",
    "mean watch ratio",
)
"""What `video_features` works out; the names are the notebook's."""


@dataclass(frozen=True)
class Rows:
    """Watches of videos, shape (n,) each."""

    users: Ints
    videos: Ints
    ratios: Floats

    def __len__(self) -> int:
        return len(self.users)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """The rows of the mask."""
        return Rows(self.users[mask], self.videos[mask], self.ratios[mask])


@dataclass(frozen=True)
class Network:
    """A trained network as arrays; with ``odds`` among them its output is the logarithm of the ratio."""

    arrays: dict[str, Floats]

    def predict(self, users: Ints, videos: Ints) -> Floats:
        """The expected ratio of each pair, shape (n,)."""
        left, right = self.arrays["user"] @ self.arrays["of_user"], self._videos
        found = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), RATIO.at_once):
            part = slice(start, start + RATIO.at_once)
            found[part] = self._rest(left[users[part]] + right[videos[part]])
        return found

    def scores(self, users: Ints) -> Floats:
        """The expected ratio of every video, shape (users, videos)."""
        left, right = self.arrays["user"][users] @ self.arrays["of_user"], self._videos
        scores = np.empty((len(left), len(right)), dtype=np.float32)
        for place, row in enumerate(left):
            scores[place] = self._rest(row + right)
        return scores

    @cached_property
    def _videos(self) -> Floats:
        """What a video and its features bring to the first hidden layer, which is linear in its parts."""
        a = self.arrays
        features = np.maximum(a["features"] @ a["feature_weight"] + a["feature_bias"], 0.0)
        return np.asarray(a["video"] @ a["of_video"] + features @ a["of_features"] + a["first_bias"], dtype=np.float32)

    def _rest(self, first: Floats) -> Floats:
        a = self.arrays
        second = np.maximum(np.maximum(first, 0.0) @ a["second_weight"] + a["second_bias"], 0.0)
        told = (second @ a["last_weight"] + a["last_bias"])[:, 0]
        return np.asarray(
            np.exp(np.clip(told, -RATIO.longest_log, RATIO.longest_log)) if "odds" in a else told, dtype=np.float32
        )


def video_features(rows: Rows, seconds: Floats, flags: dict[str, npt.NDArray[np.bool_]] | None = None) -> Floats:
    """`FEATURES` of each video from the rows alone, not standardised, shape (videos, features).

    ``seconds`` is each video's duration, NaN where unknown: it takes the median. ``flags`` says of each row whether it
    was liked, commented or shared. How often a video was shown is in no row, so show_cnt and the engagement are left
    out, as are the valid and the long plays, which KuaiRec does not define.
    """
    count = len(seconds)
    known = np.isfinite(seconds)
    length = np.where(known, seconds, np.median(seconds[known]) if known.any() else 1.0)
    plays = np.bincount(rows.videos, minlength=count).astype(np.float64)

    def total(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(rows.videos, weights=values, minlength=count), dtype=np.float64)

    played = total(rows.ratios * length[rows.videos])
    complete = total((rows.ratios >= 1.0).astype(np.float64))
    nothing = np.zeros(len(rows), dtype=bool)
    said = [total((flags or {}).get(name, nothing).astype(np.float64)) for name in ("liked", "commented", "shared")]
    progress = total(np.minimum(rows.ratios, 1.0)) / np.maximum(plays, 1.0)
    rates = complete / (plays + 1.0), said[0] / (plays + 1.0), played / (length + 1.0)
    return np.stack([length, plays, played, progress, complete, *said, *rates], axis=1).astype(np.float32)


def user_features(people: pl.DataFrame) -> Floats:
    """Columns ``schema.FEATURE_*`` of users as numbers, shape (users, columns); no column where nothing differs.

    Counts as log(1 + n), at their mean where unknown; a column for each value of a flag or category that one user in a
    hundred has.
    """
    found: list[npt.NDArray[np.float64]] = []
    for name in schema.FEATURE_COUNTS:
        if name in people.columns and people[name].count():
            values = np.log1p(people[name].cast(pl.Float64).fill_null(np.nan).to_numpy())
            found.append(np.where(np.isfinite(values), values, np.nanmean(values)))
    for name in (*schema.FEATURE_TEXTS, *schema.FEATURE_FLAGS, *schema.FEATURE_CATEGORIES):
        if name in people.columns:
            counts = people[name].drop_nulls().value_counts().filter(pl.col("count") >= RATIO.common * people.height)
            found += [(people[name] == value).fill_null(value=False).to_numpy() for value in counts[name].sort()]
    columns = [np.asarray(column, dtype=np.float32) for column in found if column.min() < column.max()]
    return np.stack(columns, axis=1) if columns else np.zeros((people.height, 0), dtype=np.float32)


@dataclass(frozen=True)
class Apart:
    """Features of videos for training rows, none of which knows the row that it stands beside."""

    fold: Ints
    """Of each row, from 0."""
    features: Floats
    """Of each video from the rows of all other folds, shape (folds, videos, features)."""


def features_apart(rows: Rows, seconds: Floats, flags: dict[str, npt.NDArray[np.bool_]], seed: int = 0) -> Apart:
    """`video_features` for training: each row's video is described by the rows of other folds, drawn at random.

    A mean over all rows contains the row's own ratio: where a video has few rows, a network would read its label there.
    Sums are raised to the number of all rows.
    """
    fold = np.random.default_rng(seed).integers(0, RATIO.folds, len(rows))
    found = []
    for one in range(RATIO.folds):
        others = fold != one
        told = video_features(rows.keep(others), seconds, {name: flag[others] for name, flag in flags.items()})
        told[:, _SUMS] *= RATIO.folds / (RATIO.folds - 1)
        found.append(told)
    return Apart(fold, np.stack(found))
