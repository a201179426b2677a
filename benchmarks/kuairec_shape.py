"""Files of KuaiRec's shape and size, drawn at random: ``python -m benchmarks.kuairec_shape FOLDER``.

Only costs may be measured on them: a ranking of models means nothing here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from graph import aside, schema

USERS: Final = 7_176
VIDEOS: Final = 10_728
BIG: Final = 12_530_806
SMALL_USERS: Final = 1_411
SMALL_VIDEOS: Final = 3_327
SMALL: Final = 4_676_570
VIDEO_DAYS: Final = 343_341
DAYS: Final = 63
_FIRST: Final = 1_593_878_400
"""2020-07-05 in seconds."""
_UNTIMED: Final = 0.04
"""Share of rows of the small matrix without a time."""
_SLICE: Final = 2_000_000
_BOTH: Final = ("show", "play", "complete_play", "valid_play", "long_time_play", "short_time_play", "like",
                "cancel_like", "comment", "delete_comment", "comment_like", "follow", "cancel_follow", "share",
                "download", "report", "reduce_similar", "collect", "cancel_collect")  # fmt: skip
_CATEGORIES: Final = (2, 8, 30, 1_000, 15, 34, 3, 118, 454, 7, 5, 4, 2, 2, 2, 2, 2, 2)
"""Values of each encrypted column of users; KuaiRec's own numbers are not at hand, these are of KuaiRand's table."""
_ALONE: Final = ("click_like_cnt", "double_click_cnt", "direct_comment_cnt", "reply_comment_cnt")


def write(folder: Path, share: float = 1.0, seed: int = 0) -> None:
    """Write every file; ``share`` of the rows of the matrices, with as many users, videos and days."""
    random = np.random.default_rng(seed)
    seconds = np.clip(random.lognormal(2.4, 0.7, VIDEOS), 3, 300)
    folder.mkdir(parents=True, exist_ok=True)
    activity = np.clip(random.lognormal(7.2, 0.7, USERS), 100, 16_000)
    users = np.sort(random.choice(USERS, int(share * BIG), p=activity / activity.sum()))
    fame = 1.0 / (30 + np.arange(VIDEOS))
    videos = random.choice(VIDEOS, len(users), p=random.permutation(fame / fame.sum()))
    _matrix(folder / "big_matrix.csv", users, videos, seconds, random, 0.0)
    count = int(np.sqrt(share) * SMALL_USERS)
    judged = random.permutation(count * SMALL_VIDEOS)[: int(share * SMALL)]
    judged.sort()
    own, other = np.divmod(judged, SMALL_VIDEOS)
    some = np.sort(random.choice(USERS, count, replace=False))
    shown = np.sort(random.choice(VIDEOS, SMALL_VIDEOS, replace=False))
    _matrix(folder / "small_matrix.csv", some[own], shown[other], seconds, random, _UNTIMED)
    _days(folder / "item_daily_features.csv", seconds, random)
    lists = [f"[{', '.join(map(str, random.integers(0, 31, random.integers(1, 4))))}]" for _ in range(VIDEOS)]
    pl.DataFrame({"video_id": np.arange(VIDEOS), "feat": lists}).write_csv(folder / "item_categories.csv")
    with_friends = np.sort(random.choice(USERS, 472, replace=False))
    friends = [f"[{', '.join(map(str, random.integers(0, USERS, random.integers(1, 4))))}]" for _ in with_friends]
    pl.DataFrame({"user_id": with_friends, "friend_list": friends}).write_csv(folder / "social_network.csv")
    _people(folder / "user_features.csv", random)


def _people(path: Path, random: np.random.Generator) -> None:
    """A row a user and 31 columns: what KuaiRec says of its users."""
    columns: dict[str, object] = {
        "user_id": np.arange(USERS),
        "user_active_degree": random.choice(["full_active", "high_active", "middle_active", "UNKNOWN"], USERS),
        **{name: random.integers(0, 2, USERS) for name in schema.FEATURE_FLAGS},
    }
    for name in schema.FEATURE_COUNTS:
        columns |= {name: random.geometric(0.01, USERS), f"{name}_range": ["(10,50]"] * USERS}
    for most, name in zip(_CATEGORIES, schema.FEATURE_CATEGORIES, strict=True):
        columns[name] = random.integers(0, most, USERS)
    frame = pl.DataFrame(columns)
    assert frame.width == 31, frame.width
    with aside.file(path) as fresh:
        frame.write_csv(fresh)


def _matrix(
    path: Path, users: np.ndarray, videos: np.ndarray, seconds: np.ndarray, random: np.random.Generator, untimed: float
) -> None:
    with aside.file(path) as fresh, fresh.open("wb") as out:
        for start in range(0, len(users), _SLICE):
            own, other = users[start : start + _SLICE], videos[start : start + _SLICE]
            length = (1000 * seconds[other]).astype(np.int64)
            ratio = np.where(
                random.random(len(own)) < 0.001, random.lognormal(2, 1, len(own)), random.gamma(1.6, 0.56, len(own))
            )
            played = (ratio * length).astype(np.int64)
            at = _FIRST + random.random(len(own)) * DAYS * 86_400
            frame = pl.DataFrame(
                {
                    "user_id": own,
                    "video_id": other,
                    "play_duration": played,
                    "video_duration": length,
                    "at": np.where(random.random(len(own)) < untimed, np.nan, np.round(at, 3)),
                }
            ).with_columns(pl.col("at").fill_nan(None))
            moment = pl.from_epoch((1000 * pl.col("at")).cast(pl.Int64), time_unit="ms")
            frame.select(
                "user_id",
                "video_id",
                "play_duration",
                "video_duration",
                moment.dt.strftime("%Y-%m-%d %H:%M:%S%.3f").alias("time"),
                moment.dt.strftime("%Y%m%d").cast(pl.Float64).alias("date")
                if untimed
                else moment.dt.strftime("%Y%m%d").alias("date"),
                pl.col("at").alias("timestamp"),
                (pl.col("play_duration") / pl.col("video_duration")).alias("watch_ratio"),
            ).write_csv(out, include_header=start == 0)


def _days(path: Path, seconds: np.ndarray, random: np.random.Generator) -> None:
    """343,341 rows of 58 columns: what KuaiRec counts of each video and day."""
    video = np.sort(random.integers(0, VIDEOS, VIDEO_DAYS))
    day = random.integers(0, DAYS, VIDEO_DAYS)
    date = np.array([int(str(np.datetime64("2020-07-05") + int(d)).replace("-", "")) for d in range(DAYS)])[day]
    columns: dict[str, object] = {
        "video_id": video,
        "date": date,
        "author_id": random.integers(0, 8_000, VIDEO_DAYS),
        "video_type": ["NORMAL"] * VIDEO_DAYS,
        "upload_dt": ["2020-03-30"] * VIDEO_DAYS,
        "upload_type": ["ShortImport"] * VIDEO_DAYS,
        "visible_status": ["public"] * VIDEO_DAYS,
        "video_duration": np.where(random.random(VIDEO_DAYS) < 0.031, np.nan, np.round(1000 * seconds[video])),
        "video_width": np.full(VIDEO_DAYS, 720),
        "video_height": np.full(VIDEO_DAYS, 1280),
        "music_id": random.integers(0, 10**9, VIDEO_DAYS),
        "video_tag_id": random.integers(0, 40, VIDEO_DAYS),
        "video_tag_name": ["tag"] * VIDEO_DAYS,
        "play_duration": random.integers(0, 10**9, VIDEO_DAYS),
        "play_progress": random.random(VIDEO_DAYS),
        "comment_stay_duration": random.integers(0, 10**7, VIDEO_DAYS),
    }
    for name in _BOTH:
        columns[f"{name}_cnt"] = random.geometric(0.01, VIDEO_DAYS)
        columns[f"{name}_user_num"] = random.geometric(0.01, VIDEO_DAYS)
    columns |= {name: random.geometric(0.1, VIDEO_DAYS) for name in _ALONE}
    frame = pl.DataFrame(columns).with_columns(pl.col("video_duration").fill_nan(None))
    with aside.file(path) as fresh:
        frame.write_csv(fresh)
    assert frame.width == 58, frame.width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of both matrices")
    given = parser.parse_args()
    write(given.folder, given.share)


if __name__ == "__main__":
    main()
