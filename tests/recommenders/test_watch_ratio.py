"""The model `watch-ratio` with the features of KuaiRec's file of days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graph.errors import InputError
from graph.files.daily_features import COUNTS
from graph.snapshot import Snapshot
from recommenders.ratio_network import FEATURES, Rows, features_apart, user_features, video_features
from recommenders.watch_ratio import WatchRatio, ratios_of

VIDEOS = 60
AT = 1_593_878_400_000  # 5 July 2020 in China
DAY = 86_400_000


def rows(videos: range) -> Snapshot:
    """Even videos are watched twice through, odd ones hardly; the file alone tells new videos apart."""
    users, watched = np.divmod(np.arange(40 * len(videos)), len(videos))
    ratios = np.where(watched % 2 == 0, 2.0, 0.1)
    times = AT + DAY + np.arange(len(users)) % DAY
    ends = {"source": users, "target": watched}
    contents = pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(VIDEOS)], "duration": [10.0] * VIDEOS})
    return Snapshot.build(
        {"User": pl.DataFrame({"userId": [str(n) for n in range(40)]}), "Content": contents},
        {
            "WATCHED": pl.DataFrame({**ends, "progress": np.minimum(ratios, 1.0), "lastAt": times, "firstAt": times}),
            "WATCH_RATIO": pl.DataFrame({**ends, "row": np.arange(len(users)), "ratio": ratios, "at": times}),
        },
    )


def days(path: Path, *more: str) -> Path:
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    lines = [f"{n},20200705,10000,{','.join([str(90 if n % 2 == 0 else 1)] * len(COUNTS))}" for n in range(VIDEOS)]
    path.write_text("\n".join([header, *lines, *more]) + "\n")
    return path


def test_new_videos_are_told_apart_by_the_file_alone(tmp_path: Path) -> None:
    snapshot = rows(range(VIDEOS // 2))
    new = np.arange(VIDEOS // 2, VIDEOS)

    def gap(**settings: str) -> float:
        model = WatchRatio(epochs=15, batch=64, rate=0.01, **settings).fit(snapshot)  # type: ignore[arg-type]
        told = model.predict(np.zeros(len(new), dtype=np.int64), new)
        return float(told[new % 2 == 0].mean() - told[new % 2 == 1].mean())

    assert gap(daily=str(days(tmp_path / "days.csv"))) > 1.0
    assert abs(gap()) < 0.5


def test_users_of_a_kind_are_told_by_their_features_alone() -> None:
    """Every second user watches all twice through; of the newest ten no watch is known."""
    snapshot = rows(range(VIDEOS))
    edges = snapshot.edges["WATCH_RATIO"]
    ratios = np.where(edges.source % 2 == 0, 2.0, 0.1)
    known = edges.source < 30
    degrees = ["full_active" if n % 2 == 0 else "high_active" for n in range(40)]
    people = pl.DataFrame({"userId": [str(n) for n in range(40)], "user_active_degree": degrees})
    ends = {"source": edges.source[known], "target": edges.target[known]}
    told = Snapshot.build(
        {"User": people, "Content": snapshot.contents.frame},
        {
            "WATCHED": pl.DataFrame({**ends, "progress": np.minimum(ratios[known], 1.0)}),
            "WATCH_RATIO": pl.DataFrame({**ends, "row": np.arange(known.sum()), "ratio": ratios[known]}),
        },
    )

    def gap(*, people: bool) -> float:
        model = WatchRatio(epochs=15, batch=64, rate=0.01, people=people).fit(told)
        new = np.arange(30, 40)
        found = model.predict(new, np.zeros(len(new), dtype=np.int64))
        return float(found[new % 2 == 0].mean() - found[new % 2 == 1].mean())

    assert gap(people=True) > 1.0
    assert abs(gap(people=False)) < 0.5


def test_features_of_users_as_numbers() -> None:
    people = pl.DataFrame(
        {
            "follow_user_num": [0, None, 2],
            "is_video_author": [True, False, None],
            "is_live_streamer": [False, False, False],
            "onehot_feat3": [7, 9, None],
            "user_active_degree": ["a", "a", "b"],
        }
    )
    found = user_features(people)
    log = np.log(3)
    degree, author, code = [[1, 0], [1, 0], [0, 1]], [[0, 1], [1, 0], [0, 0]], [[1, 0], [0, 1], [0, 0]]
    expected = np.concatenate([[[0.0], [log / 2], [log]], degree, author, code], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)  # nobody is a live streamer: no column
    assert user_features(people.select("is_live_streamer")).shape == (3, 0)


def test_days_from_the_newest_watch_on_change_nothing(tmp_path: Path) -> None:
    snapshot = rows(range(VIDEOS))
    later = [f"{n},202007{day},1,{','.join(['7'] * len(COUNTS))}" for n in range(VIDEOS) for day in ("06", "20")]
    fits = [
        WatchRatio(epochs=1, daily=str(file)).fit(snapshot)
        for file in (days(tmp_path / "some.csv"), days(tmp_path / "more.csv", *later))
    ]
    np.testing.assert_array_equal(fits[0].scores(np.arange(3)), fits[1].scores(np.arange(3)))


def test_a_file_of_other_videos_is_refused(tmp_path: Path) -> None:
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    (tmp_path / "days.csv").write_text(f"{header}\n999,20200705,1,{','.join(['1'] * len(COUNTS))}\n")
    with pytest.raises(InputError, match="none of the contents"):
        WatchRatio(daily=str(tmp_path / "days.csv")).fit(rows(range(VIDEOS)))
    with pytest.raises(InputError, match="cannot be read"):
        WatchRatio(daily=str(tmp_path / "nowhere.csv")).fit(rows(range(VIDEOS)))


def test_days_are_refused_where_watches_have_no_times(tmp_path: Path) -> None:
    whole = rows(range(VIDEOS))
    ends = {"source": whole.watched.source, "target": whole.watched.target}
    untimed = Snapshot.build(
        {"User": whole.users.frame, "Content": whole.contents.frame}, {"WATCHED": pl.DataFrame(ends)}
    )
    with pytest.raises(InputError, match="have no time"):
        WatchRatio(daily=str(days(tmp_path / "days.csv"))).fit(untimed)


def test_features_from_other_rows_are_on_the_scale_of_those_from_all() -> None:
    """Of many rows of one video the share that others have says what all say."""
    random = np.random.default_rng(0)
    many = Rows(np.arange(20_000), np.zeros(20_000, dtype=np.int64), random.random(20_000).astype(np.float32) * 2)
    flags = {name: random.random(20_000) < 0.5 for name in ("liked", "commented", "shared")}
    whole = video_features(many, np.array([10.0]), flags)[0]
    apart = features_apart(many, np.array([10.0]), flags)
    for told in apart.features[:, 0]:
        np.testing.assert_allclose(told, whole, rtol=0.05, err_msg=str(FEATURES))


def test_a_watch_without_a_ratio_teaches_its_progress_and_who_has_neither_is_not_known() -> None:
    """User 2 watched over the API, user 3 only a video of unknown length, and user 1's pair was held out."""
    whole = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": [str(n) for n in range(4)]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(3)], "duration": [10.0, 10.0, None]}),
        },
        {
            "WATCHED": pl.DataFrame(
                {"source": [0, 0, 2, 3], "target": [0, 1, 0, 2], "progress": [1.0, 0.5, 0.25, None],
                 "liked": [False, False, True, False]}
            ),
            "WATCH_RATIO": pl.DataFrame(
                {"source": [0, 0, 0, 1], "target": [0, 0, 1, 1], "row": [0, 1, 2, 3], "ratio": [1.5, 1.0, 0.5, 2.0]}
            ),
        },
    )  # fmt: skip
    told, flags = ratios_of(whole)
    assert sorted(zip(told.users.tolist(), told.videos.tolist(), told.ratios.tolist(), strict=True)) == [
        (0, 0, 1.0), (0, 0, 1.5), (0, 1, 0.5), (2, 0, 0.25)
    ]  # fmt: skip
    assert flags["liked"].tolist() == (told.users == 2).tolist()
    model = WatchRatio(epochs=1).fit(whole)
    assert model.known_users(np.arange(4)).tolist() == [True, False, True, False]
