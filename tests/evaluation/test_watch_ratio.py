"""The suite of watch ratios: its rows, its figures against loops, its features against later days."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cli import suite_watch_ratio
from evaluation import ratio_models, watch_ratio_suite
from evaluation import ratio_networks as networks
from evaluation.ratio_cosine import COSINE, cosine, hand_made
from evaluation.ratio_figures import measure
from evaluation.ratio_forests import last_rows
from evaluation.watch_ratio_suite import MODELS, open_data, run
from graph.errors import InputError
from graph.files.daily_features import COUNTS, daily_counts, daily_features
from recommenders.ratio_network import Rows, video_features
from tests.graph.files.test_watch_ratios import BIG
from tests.graph.files.test_watch_ratios import folder as kuairec


def test_the_newest_rows_judge_and_rows_without_a_duration_are_counted(folder: Path) -> None:
    data = open_data(folder)
    assert data.train.at.max() < data.validation.at.min() <= data.validation.at.max() < data.test.at.min()
    assert data.without == 1500 - len(data.train.rows) - len(data.validation.rows) - len(data.test.rows) > 0


def test_rows_without_a_time_neither_train_nor_judge_where_the_split_is_in_time(folder: Path, tmp_path: Path) -> None:
    """They all trained, also those that were the newest of all."""
    header, *lines = (folder / "log.tsv").read_text().splitlines()
    newest = [line.split("\t") for line in lines[-200:]]
    undated = ["\t".join([*row[:2], "", *row[3:]]) for row in newest]
    (tmp_path / "log.tsv").write_text("\n".join([header, *lines[:-200], *undated]) + "\n")
    data = open_data(tmp_path)
    parts = data.train, data.validation, data.test
    assert all((part.at > 0).all() for part in parts)
    assert 0 < data.undated <= 200
    assert f"{data.undated} rows without a time are left out" in suite_watch_ratio.markdown(
        watch_ratio_suite.Board(data, 0), "x"
    )


def test_features_of_days_are_frozen_at_the_first_judged_row_whose_time_is_known(tmp_path: Path) -> None:
    big = [
        f"{user % 7},{10 + user % 3},9000,10000,2020-07-20 10:00:00,20200720,{1_595_000_000 + user},0.9"
        for user in range(40)
    ]
    source = kuairec(tmp_path / "rec", big, ["1,10,9000,10000,,,,0.9"])
    days = [",".join(["video_id", "date", "video_duration", *COUNTS]), f"10,20200701,9000,{','.join(['1'] * 10)}"]
    (source / "item_daily_features.csv").write_text("\n".join(days) + "\n")
    data = open_data(source)
    assert data.until is None
    assert not data.frozen
    assert "days before" not in suite_watch_ratio.markdown(watch_ratio_suite.Board(data, 0), "x")
    timed = "2,11,9000,10000,2020-07-20 09:00:00,20200720,1594990000,0.9"
    source = kuairec(tmp_path / "timed", big, ["1,10,9000,10000,,,,0.9", timed])
    (source / "item_daily_features.csv").write_text("\n".join(days) + "\n")
    data = open_data(source)
    told = suite_watch_ratio.markdown(watch_ratio_suite.Board(data, 0), "x")
    assert "those of days before 2020-07-17. 1 judged rows have no time, and some may be earlier." in told


def test_rows_that_cannot_be_used_are_counted_under_the_table(tmp_path: Path) -> None:
    data = open_data(kuairec(tmp_path / "rec", [*BIG, "0,10,NaN,10,,,,1.0"]))
    assert data.refused == 1
    board = watch_ratio_suite.Board(data, 0)
    assert "1 rows cannot be used" in suite_watch_ratio.markdown(board, "entourage evaluate --suite watch-ratio")


def test_the_small_matrix_only_judges(tmp_path: Path) -> None:
    data = open_data(kuairec(tmp_path / "rec"))
    assert data.test.rows.ratios.tolist() == [pytest.approx(0.9)]
    learned = np.concatenate([data.train.rows.ratios, data.validation.rows.ratios])
    assert sorted(learned.tolist()) == [0.25, 0.5, 2.0]


def test_models_that_know_the_pair_beat_those_that_do_not(folder: Path) -> None:
    names = ["mean", "als", "item-knn", "lightgbm, ALS factors, per duration"]
    assert set(names) <= set(MODELS)
    board = run(open_data(folder), names=names, progress=lambda share, what: None)
    errors = {row.model: row.values["MAE"] for row in board.rows}
    assert errors["mean"] > 0.5
    for name in names[1:]:
        assert errors[name] < 0.6 * errors["mean"]
    text = suite_watch_ratio.markdown(board, "entourage evaluate --suite watch-ratio")
    assert all(f"| {name} |" in text for name in names)


def test_similar_videos_are_those_of_the_whole_matrix_and_memory_stays_small(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rows = open_data(folder), open_data(folder).train.rows
    monkeypatch.setattr(ratio_models, "_AT_ONCE", 200)  # blocks of two or three videos
    biases = ratio_models.Biases(rows, data.users, data.videos)
    total, seen = (np.zeros((data.users, data.videos)) for _ in range(2))
    np.add.at(total, (rows.users, rows.videos), np.clip(rows.ratios - biases.of(rows), -2.0, 2.0))
    np.add.at(seen, (rows.users, rows.videos), 1.0)
    left = total / np.maximum(seen, 1.0)
    common = left.T @ left
    similar = common / np.sqrt(np.outer(common.diagonal(), common.diagonal()))
    np.fill_diagonal(similar, 0.0)
    for most in (5, 100):  # the nearest of each, and all of few videos
        monkeypatch.setattr(ratio_models, "_NEIGHBOURS", most)
        if most < data.videos:
            least = np.maximum(np.sort(similar, axis=0)[-most], 0.0)
        kept = np.where(similar >= least, similar, 0.0) if most < data.videos else similar
        extra = (left @ kept) / ((seen > 0) @ np.abs(kept) + 1.0)
        expected = biases.of(data.test.rows) + extra[data.test.rows.users, data.test.rows.videos]
        told = ratio_models.item_knn(data, 0, lambda *_: None)
        np.testing.assert_allclose(told, expected, atol=1e-5)
    monkeypatch.undo()
    wide = replace(data, videos=6_000)
    tracemalloc.start()
    ratio_models.item_knn(wide, 0, lambda *_: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000**2  # a matrix of videos × videos has four times as many bytes


def test_nothing_of_the_held_out_part_is_in_the_features(folder: Path) -> None:
    data = open_data(folder)
    frozen = video_features(data.train.rows, data.seconds, data.train.flags)
    np.testing.assert_array_equal(data.features(), frozen)
    assert data.features(leaking=True)[:, 1].sum() == frozen[:, 1].sum() + len(data.validation.rows) + len(
        data.test.rows
    )


def test_nothing_of_a_row_s_own_ratio_is_in_the_hybrid_s_features(tmp_path: Path) -> None:
    """One row a video, ratios drawn at random: what is told beside a row says nothing of it."""
    random = np.random.default_rng(0)
    lines = ["user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tplay_time_ms\tduration_ms\tis_like"]
    lines += [
        f"{video % 20}\t{video}\t{1_600_000_000_000 + video}\t0\t0\t{random.integers(0, 20_000)}\t10000\t0"
        for video in range(600)
    ]
    (tmp_path / "log.tsv").write_text("\n".join(lines) + "\n")
    data = open_data(tmp_path)
    features, apart = networks.hybrid(data, 0)
    assert apart
    rows = data.train.rows
    beside = apart.features[apart.fold, rows.videos]
    assert beside.shape == (len(rows), features.shape[1])
    assert np.abs(beside[:, -17:]).max() < 1e-6  # bias and factors: nobody else watched the video
    assert np.corrcoef(features[rows.videos, -17], rows.ratios)[0, 1] > 0.9  # what was learned from until now


def test_factors_of_a_fold_lie_where_those_of_all_rows_do(folder: Path) -> None:
    features, apart = networks.hybrid(open_data(folder), 0)
    assert apart
    for told in apart.features:
        fold, every = told[:, -16:], features[:, -16:]
        assert (fold * every).sum() / np.linalg.norm(fold) / np.linalg.norm(every) > 0.9


def test_figures_are_those_of_loops() -> None:
    users = np.array([0, 0, 0, 1, 1, 2])
    true = np.array([0.5, 3.0, 1.0, 0.2, 0.4, 1.0], dtype=np.float32)
    predicted = np.array([0.6, 1.0, 2.0, 0.1, 0.9, 1.0], dtype=np.float32)
    values, errors = measure(predicted, Rows(users, np.arange(6), true), 1)
    np.testing.assert_allclose(errors, [(0.1 + 2.0 + 1.0) / 3, (0.1 + 0.5) / 2, 0.0], atol=1e-6)
    assert values["MAE"] == pytest.approx(3.7 / 6)
    assert values["MAE, users"] == pytest.approx(errors.mean())
    assert values["HR"] == 0.5  # the first of user 0 is another, that of user 1 is right; user 2 has one candidate
    assert values["NDCG, notebook"] == 0.5
    assert values["NDCG"] == pytest.approx((1.0 / 2.0 + 1.0) / 2)  # 1.0 where 2 (3 clipped) was to be had
    pairs = [(i, j) for i in range(6) for j in range(6) if true[i] != true[j]]
    right = [np.sign((predicted[i] - predicted[j]) * (true[i] - true[j])) / 2 + 0.5 for i, j in pairs]  # half for ties
    assert values["XAUC"] == pytest.approx(np.mean(right), abs=0.01)


def test_equal_ratios_favour_no_prediction() -> None:
    """Of two videos with the same ratio one is the best by chance, the same one for every model."""
    users, videos = np.repeat(np.arange(2_000), 2), np.tile(np.arange(2), 2_000)
    rows = Rows(users, videos, np.full(4_000, 0.7, dtype=np.float32))
    predicted = np.random.default_rng(1).random(4_000).astype(np.float32)
    one, other = (measure(sign * predicted, rows, 1)[0] for sign in (1, -1))
    assert one["HR"] == pytest.approx(0.5, abs=0.05)
    assert one["HR"] + other["HR"] == pytest.approx(1.0)
    assert one["NDCG"] == other["NDCG"] == 1.0


def test_the_caption_says_whether_the_split_is_in_time(folder: Path, tmp_path: Path) -> None:
    rand, rec = open_data(folder), open_data(kuairec(tmp_path / "rec", small=["1,10,9000,10000,,,1593000000.0,0.9"]))
    assert rand.later == 0.0
    assert rand.train.at.max() <= rand.validation.at.min()
    assert rec.later == pytest.approx(0.5)
    unknown = replace(rand, test=replace(rand.test, at=np.zeros_like(rand.test.at)))
    assert unknown.later is None
    assert "they have no times" in suite_watch_ratio.markdown(watch_ratio_suite.Board(unknown, 0), "x")
    captions = [suite_watch_ratio.markdown(watch_ratio_suite.Board(data, 0), "x") for data in (rand, rec)]
    assert "No training row is later than a judged one" in captions[0]
    assert "The split is not in time: 50% of the training rows" in captions[1]


def test_users_and_videos_are_those_with_a_ratio(folder: Path) -> None:
    data = open_data(folder)
    assert (data.users, data.videos) == (30, 39)  # video 0 has no duration
    assert data.ids.to_list() == list(range(1, 40))


def test_the_notebook_s_row_needs_its_file_of_days_and_ours_stands_in(folder: Path, tmp_path: Path) -> None:
    board = run(open_data(folder), names=["mean", networks.NOTEBOOK], progress=lambda share, what: None)
    assert board.left_out == [networks.NOTEBOOK]
    source = kuairec(tmp_path / "rec")
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    (source / "item_daily_features.csv").write_text(f"{header}\n10,20200705,9000{',1' * len(COUNTS)}\n")
    board = run(open_data(source), names=["mean", networks.STAND_IN], progress=lambda share, what: None)
    assert ([row.model for row in board.rows], board.left_out) == (["mean"], [])


def test_days_after_the_cut_change_no_feature(tmp_path: Path) -> None:
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    days = [f"7,{20200705 + day},9000,{10 * (day + 1)},8,400,.5,4,5,6,2,1,0" for day in range(3)]
    (tmp_path / "daily.csv").write_text("\n".join([header, *days]) + "\n")
    first = daily_features(tmp_path / "daily.csv", date(2020, 7, 7))
    assert first["show_cnt"].to_list() == [15.0]
    assert first["engagement"].to_list() == [0.5]
    assert first["like rate"].to_list() == [pytest.approx(2 / 9)]
    assert first.width == 16
    (tmp_path / "daily.csv").write_text("\n".join([header, *days, "7,20200801,1,1,1,1,1,1,1,1,1,1,1"]) + "\n")
    assert daily_features(tmp_path / "daily.csv", date(2020, 7, 7)).equals(first)
    assert not daily_features(tmp_path / "daily.csv").equals(first)
    (tmp_path / "daily.csv").write_text("\n".join([header, *days, "7,20200706,NaN,inf,x,,1,1,1,1,1,1,1"]) + "\n")
    with pytest.warns(UserWarning, match="count as unknown"):
        frozen = daily_features(tmp_path / "daily.csv", date(2020, 7, 7))
    assert frozen["show_cnt"].to_list() == [15.0]
    (tmp_path / "other.csv").write_text("video_id\n1\n")
    with pytest.raises(InputError, match="show_cnt"):
        daily_features(tmp_path / "other.csv")


def test_a_folder_without_ratios_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no watch ratios"):
            watch_ratio_suite.open_data(folder)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_a_folder_of_too_few_ratios_is_refused(tmp_path: Path, rows: int) -> None:
    lines = ["user_id,video_id,time_ms,play_time_ms,duration_ms", *["1,2,1649581149287,5,10"] * rows]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f"has {rows} rows with a ratio, too few"):
        open_data(tmp_path)


def test_the_file_s_features_are_those_of_days_before_whatever_chooses_or_judges(tmp_path: Path) -> None:
    big = [
        f"{user},{10 + user % 3},{1000 * user},10000,2020-07-{day:02} 10:00:00,202007{day:02},{at},{user / 10}"
        for day in range(5, 25)
        for user, at in ((day % 7, 1_593_914_400 + 86_400 * (day - 5)),)
    ]
    small = ["1,10,9000,10000,2020-07-24 10:00:00,20200724.0,1595556000.0,0.9"]
    source = kuairec(tmp_path / "rec", big, small)
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    days = [f"{10 + day % 3},202007{day:02},9000,{','.join([str(day)] * 10)}" for day in range(5, 23)]
    (source / "item_daily_features.csv").write_text("\n".join([header, *days]) + "\n")
    data = open_data(source)
    assert data.until == date(2020, 7, 23)  # the newest tenth of big_matrix begins there
    frozen = data.daily_features()
    assert frozen.shape == (3, 15)
    later = [f"10,202007{day},1,{','.join(['9999'] * 10)}" for day in (23, 24, 30)]
    (source / "item_daily_features.csv").write_text("\n".join([header, *days, *later]) + "\n")
    np.testing.assert_array_equal(open_data(source).daily_features(), frozen)
    assert not np.array_equal(open_data(source).daily_features(leaking=True), frozen)
    names = ["network, features of the file, frozen", "network, features of users", "network, friends"]
    board = run(data, names=names, progress=lambda share, what: None)
    assert sorted(row.model for row in board.rows) == names
    assert board.left_out == []
    assert data.people is not None
    assert data.people.shape[0] == data.users


def test_what_the_folder_has_no_data_for_is_left_out_and_named(folder: Path) -> None:
    board = run(open_data(folder), names=["median", "network, friends"], progress=lambda share, what: None)
    assert [row.model for row in board.rows] == ["median"]
    assert "network, friends" in suite_watch_ratio.markdown(board, "entourage evaluate --suite watch-ratio")


def test_the_last_rows_of_each_user_and_nothing_before() -> None:
    users = np.array([3, 1, 3, 3, 1, 2])
    found = {(int(place), int(after)) for place, after in last_rows(users, 2)}
    assert found == {(3, 0), (2, 1), (4, 0), (1, 1), (5, 0)}


def test_a_cosine_that_never_differs_predicts_the_mean(folder: Path) -> None:
    data = open_data(folder)
    rows = replace(data.train.rows, ratios=np.ones_like(data.train.rows.ratios))
    flat = replace(data, train=replace(data.train, rows=rows))  # no ratio differs from its user's mean
    predicted = cosine(flat, 0, lambda *_: None)
    assert predicted == pytest.approx(np.full(len(data.test.rows), data.validation.rows.ratios.mean()), abs=1e-6)


def test_the_cosine_has_the_features_of_rows_of_days_and_categories(folder: Path, tmp_path: Path) -> None:
    """It had the eleven of rows alone, where the folder has counts of days and categories as the notebook's had."""
    source = kuairec(tmp_path / "rec", BIG * 5, ["0,10,9000,10000,,,,0.9"])
    header = ",".join(["video_id", "date", "video_duration", *COUNTS, "report_cnt", "report_user_num", "author_id"])
    days = [f"10,2020070{day},9000,{','.join([str(day)] * 10)},{day},1,77" for day in (5, 6, 7)]
    (source / "item_daily_features.csv").write_text("\n".join([header, *days]) + "\n")
    told = daily_counts(source / "item_daily_features.csv")
    assert told.columns == ["video_id", "video_duration", *COUNTS, "report_cnt", "report_user_num", "trend"]
    (only,) = told.iter_rows(named=True)
    assert (only["play_cnt"], only["report_user_num"]) == (6.0, 1.0)
    assert only["trend"] == pytest.approx(1.0 / 7.0)  # a play more each day, of six and one
    data = open_data(source)
    made = hand_made(data)
    assert (made.of_rows, made.of_days, made.categories) == (11, 14 + 12, 2)
    place = data.ids.index_of(10)
    assert made.values[place, 11 + 1] == pytest.approx(np.log1p(6.0))
    assert made.values[place, -2:].tolist() == [1.0, 1.0]
    assert np.isfinite(made.values).all()
    board = run(data, names=["mean", COSINE], progress=lambda share, what: None)
    text = suite_watch_ratio.markdown(board, "x")
    assert "The cosine has 39 features: 11 of rows, 26 of the file's days (all of them, as there: a leak), 2" in text
    plain = run(open_data(folder), names=[COSINE], progress=lambda share, what: None)
    assert "The cosine has 11 features: 11 of rows. " in suite_watch_ratio.markdown(plain, "x")
