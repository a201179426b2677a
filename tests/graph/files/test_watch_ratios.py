"""KuaiRec and KuaiRand as published: what is read, refused, and kept from training."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from graph import schema
from graph.errors import InputError
from graph.files.kinds import Kind, recognise
from graph.files.watch_ratios import read_watch_ratios

HEADER = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio"
BIG = [
    "0,10,20000,10000,2020-07-05 00:08:23.438,20200705,1593878903.438,2.0",
    "0,10,5000,10000,2020-07-06 00:08:23.438,20200706,1593965303.0,0.5",
    "1,11,3000,12000,,,,0.25",
    "7,12,3000,0,2020-07-05 00:08:23.438,20200705,1593878903.438,0.0",
]
SMALL = ["1,10,9000,10000,2020-08-05 00:08:23.438,20200805.0,1596557303.0,0.9"]
BAD = {
    "x,10,1,10,,,,0.1": "user_id",
    "0,,1,10,,,,0.1": "video_id",
    "0,10,-1,10,,,,0.1": "play time",
    "0,10,5,10,,,,3.5": "watch_ratio",
    "0,10,5,10,,20201340,,0.5": "date",
}
RAND = "user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tplay_time_ms\tduration_ms\tlabel"


def folder(path: Path, big: list[str] = BIG, small: list[str] = SMALL) -> Path:
    path.mkdir()
    (path / "big_matrix.csv").write_text("\n".join([HEADER, *big]) + "\n")
    (path / "small_matrix.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *small]).encode()))
    (path / "social_network.csv").write_text('user_id,friend_list\n0,"[1, 7]"\n1,[0]\n7,x\n')
    (path / "item_categories.csv").write_text('video_id,feat\n10,"[8, 9]"\n11,[8]\n99,[3]\n')
    (path / "kuairec_caption_category.csv").write_text('video_id,caption,more\n10,"One, two",x\n')
    (path / "user_features.csv").write_text("user_id,user_active_degree\n0,full_active\n")
    return path


def test_every_row_keeps_its_ratio_and_pairs_fold(tmp_path: Path) -> None:
    tables, report = read_watch_ratios(folder(tmp_path / "rec"), tmp_path / "home")
    assert recognise(tmp_path / "rec") is Kind.WATCH_RATIOS
    assert tables.ids[schema.CONTENT].to_list() == ["keaks/10", "keaks/11", "keaks/12"]
    assert tables.edges[schema.WATCH_RATIO].rows() == [
        (0, 0, 0, 2.0, 1_593_878_903_438),
        (0, 0, 1, 0.5, 1_593_965_303_000),
        (1, 1, 2, 0.25, None),
    ]
    watched = tables.edges[schema.WATCHED].select("source", "target", "progress", "watchCount", "lastAt").rows()
    assert watched == [(0, 0, 1.0, 2, 1_593_965_303_000), (1, 1, 0.25, 1, None), (2, 2, None, 1, 1_593_878_903_438)]
    big = report.files[0]
    assert (big.read, big.loaded, big.untimed, big.noted) == (4, 4, 1, 1)
    assert report.ignored == ["user_features.csv"]


def test_the_small_matrix_is_held_out(tmp_path: Path) -> None:
    tables, _ = read_watch_ratios(folder(tmp_path / "rec"), tmp_path / "home")
    source, target, _, ratio, at = tables.edges[schema.HELD_OUT].row(0)
    assert (source, target, round(ratio, 3), at) == (1, 0, 0.9, 1_596_557_303_000)
    pairs = tables.edges[schema.WATCHED].select("source", "target").rows()
    assert (1, 0) not in pairs
    assert (1, 0) not in tables.edges[schema.WATCH_RATIO].select("source", "target").rows()


def test_friends_categories_and_captions(tmp_path: Path) -> None:
    tables, report = read_watch_ratios(folder(tmp_path / "rec"), tmp_path / "home")
    assert tables.edges[schema.FOLLOWS].select("source", "target").rows() == [(0, 1), (0, 2), (1, 0)]
    assert tables.edges[schema.HAS_GENRE].rows() == [(0, 0), (0, 1), (1, 0)]
    assert tables.nodes[schema.CONTENT].select(schema.TITLE, "duration").rows() == [
        ("One, two", 10.0),
        (None, 12.0),
        (None, None),
    ]
    (friends,) = [file for file in report.files if file.file == "social_network.csv"]
    assert (friends.read, friends.loaded, friends.quarantined) == (3, 2, 1)
    assert [column.ours for column in friends.columns] == ["user_id", "friend_list"]
    assert "watch_ratio" in [column.ours for column in report.files[0].columns]


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=BAD.values())
def test_a_bad_row_is_kept_aside_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    _, report = read_watch_ratios(folder(tmp_path / "rec", [*BIG, line]), tmp_path / "home")
    assert report.quarantine
    (kept,) = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    assert (kept["file"], kept["line"], kept["raw"]) == ("big_matrix.csv", 6, line)
    assert reason in kept["reason"]
    assert (report.files[0].loaded, report.files[0].quarantined) == (4, 1)


def test_logs_of_kuairand(tmp_path: Path) -> None:
    (tmp_path / "rand").mkdir()
    rows = ["7\t12\t1649581149287\t1\t0\t46000\t20000\t1", "7\t13\t1649581149288\t0\t1\t9000\t0\t0"]
    (tmp_path / "rand" / "log.tsv.gz").write_bytes(gzip.compress("\n".join([RAND, *rows]).encode()))
    (tmp_path / "rand" / "user_features.csv").write_text("user_id,x\n1,2\n")
    tables, report = read_watch_ratios(tmp_path / "rand", tmp_path / "home")
    assert [round(ratio, 2) for ratio in tables.edges[schema.WATCH_RATIO]["ratio"]] == [2.3]
    told = tables.edges[schema.WATCHED].select("progress", "liked", "commented", "shared").rows()
    assert told == [(1.0, True, True, False), (None, False, False, True)]
    assert report.files[0].noted == 1


def test_a_matrix_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big_matrix.csv").write_text("user_id,video_id,watch_ratio\n1,2,0.5\n")
    with pytest.raises(InputError, match="play_duration"):
        read_watch_ratios(tmp_path, tmp_path / "home")
    with pytest.raises(InputError, match="no watch ratios"):
        read_watch_ratios(tmp_path / "nothing", tmp_path / "home")


def test_the_published_rows(shared_data: Path, tmp_path: Path) -> None:
    tables, report = read_watch_ratios(shared_data / "kuairand", tmp_path)
    assert report.quarantine is None
    assert (tables.nodes[schema.USER].height, tables.nodes[schema.CONTENT].height) == (664, 9_359)
    ratios = tables.edges[schema.WATCH_RATIO]
    assert ratios.height + report.files[0].noted == report.files[0].read == 41_828
    assert ratios["ratio"].max() > 10  # type: ignore[operator]
    assert tables.edges[schema.WATCHED].select(pl.col("progress").max()).item() == 1.0
