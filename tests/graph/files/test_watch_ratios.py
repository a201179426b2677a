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
    "0,10,5,10,,2020-07-05,,0.5": "date is no day",
    "0,10,5,10,,inf,,0.5": "date is no day as",
    "0,10,NaN,10,,,,NaN": "the play time is no number",
    "0,10,5,inf,,,,0": "the duration is no number",
    "0,10,5,10,,,,": "watch_ratio is not",
    "1.5,10,5,10,,,,0.5": "user_id is no whole",
    "0,99999999999999999999,5,10,,,,0.5": "video_id is no whole",
    "0,10,5": "there is less than the header names",
    "0,10,5,10,20200705,1593878903.438,0.5": "there is less than the header names",
    HEADER: "user_id is no whole number",
}
RAND = "user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tplay_time_ms\tduration_ms\tlabel"


PEOPLE = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,follow_user_num,"
    "follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,friend_user_num_range,register_days,"
    f"register_days_range,{','.join(f'onehot_feat{n}' for n in range(18))}"
)
CODES = "0,1,17,638,2.0,0,0,1,6,3,0,0,0.0,0.0,1.0,,NaN,0.0"
"""Of the eighteen encrypted columns, as published: some are floats, some missing."""


def folder(path: Path, big: list[str] = BIG, small: list[str] = SMALL) -> Path:
    path.mkdir()
    (path / "big_matrix.csv").write_text("\n".join([HEADER, *big]) + "\n")
    (path / "small_matrix.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *small]).encode()))
    (path / "social_network.csv").write_text('user_id,friend_list\n0,"[1, 7]"\n1,[0]\n7,x\n')
    (path / "item_categories.csv").write_text('video_id,feat\n10,"[8, 9]"\n11,[8]\n99,[3]\n')
    (path / "kuairec_caption_category.csv").write_text('video_id,caption,more\n10,"One, two",x\n')
    people = [
        f'0,high_active,0,-124,1,5,"(0,10]",0,0,0,0,107,61-90,{CODES}',
        f'7,UNKNOWN,1,0,0,386,"(250,500]",4,"[1,10)",2,"[1,5)",327,181-365,{CODES}',
        f"8,full_active,0,0,0,1,x,1,x,1,x,1,x,{CODES}",
    ]
    (path / "user_features.csv").write_text("\n".join([PEOPLE, *people]) + "\n")
    return path


def test_every_row_keeps_its_ratio_and_pairs_fold(tmp_path: Path) -> None:
    tables, report = read_watch_ratios(folder(tmp_path / "rec"), tmp_path / "home")
    assert recognise(tmp_path / "rec") is Kind.WATCH_RATIOS
    assert tables.ids[schema.CONTENT].to_list() == ["keaks/10", "keaks/11", "keaks/12", "keaks/99"]
    assert sorted(tables.edges[schema.WATCH_RATIO].drop("row").rows()) == [
        (0, 0, 0.5, 1_593_965_303_000),
        (0, 0, 2.0, 1_593_878_903_438),
        (1, 1, 0.25, None),
    ]
    watched = tables.edges[schema.WATCHED].select("source", "target", "progress", "watchCount", "lastAt").rows()
    assert watched == [(0, 0, 1.0, 2, 1_593_965_303_000), (1, 1, 0.25, 1, None), (2, 2, None, 1, 1_593_878_903_438)]
    big = report.files[0]
    assert (big.read, big.loaded, big.untimed, big.noted) == (4, 4, 1, 1)
    assert report.ignored == []


def test_features_of_users_are_joined_by_their_id(tmp_path: Path) -> None:
    tables, report = read_watch_ratios(folder(tmp_path / "rec"), tmp_path / "home")
    people = tables.nodes[schema.USER]
    names = ["userId", "user_active_degree", "is_live_streamer", "is_video_author", "follow_user_num", "register_days"]
    assert people.select(names).rows() == [
        ("0", "high_active", None, True, 5, 107),
        ("1", None, None, None, None, None),
        ("7", None, False, False, 386, 327),
        ("8", "full_active", False, False, 1, 1),  # watched nothing
    ]
    codes = people.select(schema.FEATURE_CATEGORIES).row(0)
    assert codes == (0, 1, 17, 638, 2, 0, 0, 1, 6, 3, 0, 0, 0, 0, 1, None, None, 0)
    (told,) = [file for file in report.files if file.file == "user_features.csv"]
    assert (told.read, told.loaded, told.noted) == (3, 3, 0)
    ignored = [column.title for column in told.columns if column.ours is None]
    assert ignored == [
        f"{name}_range" for name in ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
    ]


def test_features_of_users_that_cannot_be_used_are_kept_aside(tmp_path: Path) -> None:
    source = folder(tmp_path / "rec")
    rest = f"5,r,0,0,0,0,107,r,{CODES}"
    people = [
        f"0,high_active,0,0,1,{rest}",
        f"0,full_active,0,0,1,{rest}",  # the first counts
        f"x,high_active,0,0,1,{rest}",
        f"1,high_active,0,0,1,{rest},more",
        "1,high_active,0",
        f'1,"high_active,0,0,1,{rest}',
        "",
        f"7.0,high_active,2,0,yes,-5,r,0,0,0,0,1e3,r,{CODES}",
    ]
    (source / "user_features.csv").write_text("\n".join([PEOPLE, *people]) + "\n")
    tables, report = read_watch_ratios(source, tmp_path / "home")
    assert tables.nodes[schema.USER].select("userId", "user_active_degree", "register_days").rows() == [
        ("0", "high_active", 107),
        ("1", None, None),
        ("7", "high_active", None),
    ]
    (told,) = [file for file in report.files if file.file == "user_features.csv"]
    assert (told.read, told.loaded, told.merged, told.quarantined, told.noted) == (7, 2, 1, 4, 4)
    assert report.quarantine
    kept = [row for row in map(json.loads, report.quarantine.read_text().splitlines()) if row["file"] == told.file]
    assert [(row["line"], row["reason"], row["loaded"]) for row in kept] == [
        (4, "user_id is no whole number from 0 on", False),
        (5, "there is more than the header names", False),
        (6, "there is less than the header names", False),
        (7, "a quote is not closed", False),
        (9, "follow_user_num is no whole number from 0 on: loaded without it", True),
        (9, "register_days is no whole number from 0 on: loaded without it", True),
        (9, "is_lowactive_period is no 0 or 1: loaded without it", True),
        (9, "is_video_author is no 0 or 1: loaded without it", True),
    ]
    (source / "user_features.csv").write_text("user_id,more\n1,2\n")
    with pytest.raises(InputError, match="none of the columns user_active_degree"):
        read_watch_ratios(source, tmp_path / "home")


def test_a_ratio_that_is_too_large_for_a_number_is_kept_aside(tmp_path: Path) -> None:
    """It became infinite, and every model that read it failed."""
    rec = folder(tmp_path / "rec", [*BIG, "3,10,1e300,1,x,20200705,1593878903,1e300"])
    tables, report = read_watch_ratios(rec, tmp_path / "home")
    assert (report.files[0].loaded, report.files[0].quarantined) == (4, 1)
    assert tables.edges[schema.WATCH_RATIO]["ratio"].is_finite().all()


def test_a_column_that_stands_twice_is_refused_beside_the_matrices_too(tmp_path: Path) -> None:
    source = folder(tmp_path / "rec")
    (source / "item_categories.csv").write_text("video_id,feat,feat\n10,[1],[2]\n")
    with pytest.raises(InputError, match="feat twice"):
        read_watch_ratios(source, tmp_path / "home")


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
    assert tables.edges[schema.HAS_GENRE].rows() == [(0, 1), (0, 2), (1, 1), (3, 0)]
    assert tables.nodes[schema.CONTENT].select(schema.TITLE, "duration").rows() == [
        ("One, two", 10.0),
        (None, 12.0),
        (None, None),
        (None, None),  # only a category names it
    ]
    (friends,) = [file for file in report.files if file.file == "social_network.csv"]
    assert (friends.read, friends.loaded, friends.quarantined) == (3, 2, 1)
    assert [column.ours for column in friends.columns] == ["user_id", "friend_list"]
    assert "watch_ratio" in [column.ours for column in report.files[0].columns]


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=BAD.values())
def test_a_bad_row_is_kept_aside_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    _, report = read_watch_ratios(folder(tmp_path / "rec", [*BIG, line]), tmp_path / "home")
    assert report.quarantine
    kept, friends = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    assert (friends["file"], friends["line"], friends["raw"]) == ("social_network.csv", 4, "7,x")
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


@pytest.mark.parametrize("time", ["NaN", "inf", "1e300", "1593878903438", "yesterday", "-5", "4000000000", ""])
def test_a_time_that_is_none_is_counted_and_the_row_loaded(tmp_path: Path, time: str) -> None:
    """1593878903438 is in milliseconds, where the file has seconds: some day 50,000 years from now."""
    tables, report = read_watch_ratios(folder(tmp_path / "rec", [*BIG, f"8,10,5,10,,,{time},0.5"]), tmp_path / "home")
    assert tables.edges[schema.WATCH_RATIO].row(-1)[-2:] == (0.5, None)
    assert (report.files[0].loaded, report.files[0].untimed) == (5, 2)


def test_ids_may_be_as_large_as_64_bits(tmp_path: Path) -> None:
    large = 2**53 + 1
    tables, _ = read_watch_ratios(folder(tmp_path / "rec", [*BIG, f"{large},{large},5,10,,,,0.5"]), tmp_path / "home")
    assert str(large) in tables.ids[schema.USER].to_list()
    user = tables.ids[schema.USER].to_list().index(str(large))
    assert (user, tables.ids[schema.CONTENT].to_list().index(f"keaks/{large}")) in tables.edges[
        schema.WATCH_RATIO
    ].select("source", "target").rows()


def test_a_quote_hides_no_row_and_other_columns_may_hold_anything(tmp_path: Path) -> None:
    lines = [HEADER, '8,10,5,10,"open,,,0.5', "8,11,5,10,caf\xe9,,,0.5"]
    source = folder(tmp_path / "rec")
    (source / "big_matrix.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode("latin-1") + b"\r\n")
    _, report = read_watch_ratios(source, tmp_path / "home")
    assert (report.files[0].read, report.files[0].loaded) == (2, 2)


def test_lists_that_are_broken_are_kept_aside_with_their_line(tmp_path: Path) -> None:
    source = folder(tmp_path / "rec")
    friends = [
        "0,[1]",
        '7,"[1, 7]"',
        "-5,[1]",
        "0,[-3]",
        "1,",
        "2,[3",
        "3,[1.5]",
        "3,[1 2]",
        "3,[,]",
        f"4,[{10**30}]",
        '8,"[1',
        "9,[]",
        "",
    ]
    (source / "social_network.csv").write_text("\n".join(["user_id,friend_list", *friends]))
    captions = [
        "video_id,caption",
        "10,one",
        "10,two",
        "77,of no video",
        ',"no id"',
        "10",
        '11,"first',
        'second"',
        "12,a,b",
    ]
    (source / "kuairec_caption_category.csv").write_text("\n".join(captions))
    tables, report = read_watch_ratios(source, tmp_path / "home")
    pairs = tables.edges[schema.FOLLOWS].select("source", "target").rows()
    names = tables.ids[schema.USER].to_list()
    assert [(names[one], names[two]) for one, two in pairs] == [("0", "1"), ("7", "1")]
    assert tables.nodes[schema.CONTENT][schema.TITLE].to_list() == ["one", "first\nsecond", None, None]
    known = {file.file: file for file in report.files}
    circle, told = known["social_network.csv"], known["kuairec_caption_category.csv"]
    assert (circle.read, circle.loaded, circle.quarantined, circle.noted) == (12, 3, 9, 1)  # 7 does not follow itself
    assert (told.read, told.loaded, told.merged, told.quarantined, told.dangling) == (7, 2, 1, 3, 1)
    assert report.quarantine
    kept = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    lines = {(row["file"], row["line"]) for row in kept}
    assert {("social_network.csv", line) for line in range(4, 13)} <= lines
    assert {("kuairec_caption_category.csv", line) for line in (4, 5, 6, 9)} <= lines


def test_flags_that_are_none_are_noted(tmp_path: Path) -> None:
    rows = [
        f"7\t{video}\t1649581149287\t{flag}\t0\t9\t9\t1" for video, flag in enumerate(["1", "True", "0", "", "x", "-1"])
    ]
    (tmp_path / "log.tsv").write_text("\n".join([RAND, *rows]) + "\n")
    tables, report = read_watch_ratios(tmp_path, tmp_path / "home")
    assert tables.edges[schema.WATCHED]["commented"].to_list() == [True, True, False, None, None, None]
    assert report.files[0].noted == 2


@pytest.mark.parametrize("ending", ["9", ",,9", "x y,"])
def test_more_fields_than_the_header_names_cost_their_row_alone(tmp_path: Path, ending: str) -> None:
    wide = "user_id,video_id,time_ms,play_time_ms,duration_ms"
    rows = [
        "7,12,1649581149287,5,10",
        f"7,13,1649581149287,5,10,{ending}",
        "",
        "7,14,1649581149287,5,10,",
        "  ",
        "8,12",
    ]
    (tmp_path / "log.csv").write_text("\r\n".join([wide, *rows, "", ""]))
    tables, report = read_watch_ratios(tmp_path, tmp_path / "home")
    (file,) = report.files
    assert (file.read, file.loaded, file.quarantined) == (4, 2, 2)
    assert tables.ids[schema.CONTENT].to_list() == ["keaks/12", "keaks/14"]
    assert tables.edges[schema.WATCH_RATIO].height == 2
    assert report.quarantine
    kept = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in kept] == [
        (3, "there is more than the header names"),
        (7, "there is less than the header names"),
    ]
    assert kept[0]["raw"] == rows[1]


def test_a_field_too_many_in_a_matrix_is_no_silent_loss(tmp_path: Path) -> None:
    _, report = read_watch_ratios(folder(tmp_path / "rec", [*BIG, f"{BIG[0]},more"]), tmp_path / "home")
    assert (report.files[0].read, report.files[0].loaded, report.files[0].quarantined) == (5, 4, 1)


def test_a_row_without_a_time_is_no_second_watch_beside_one_with(tmp_path: Path) -> None:
    rows = ["3,10,5000,10000,,,,0.5", "3,10,9000,10000,,20200705,1593878903.0,0.9"]
    tables, _ = read_watch_ratios(folder(tmp_path / "rec", rows), tmp_path / "home")
    assert sorted(tables.edges[schema.WATCH_RATIO]["ratio"]) == [0.5, pytest.approx(0.9)]
    assert tables.edges[schema.WATCHED].select("watchCount", "lastAt").rows() == [(1, 1_593_878_903_000)]


def test_files_without_rows_and_packed_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        read_watch_ratios(folder(tmp_path / "empty", [], []), tmp_path / "home")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "log.tsv").write_text(f"{RAND}\n")
    with pytest.raises(InputError, match=r"log\.tsv of .* has no rows\. Fetch it again"):
        read_watch_ratios(tmp_path / "one", tmp_path / "home")
    source = folder(tmp_path / "cut")
    (source / "small_matrix.csv.gz").write_bytes(gzip.compress(b"x" * 100_000)[:40])
    with pytest.raises(InputError, match=r"small_matrix\.csv\.gz cannot be read"):
        read_watch_ratios(source, tmp_path / "home")
    twice = folder(tmp_path / "twice")
    (twice / "big_matrix.csv").write_text(f"{HEADER},user_id\n{BIG[0]},7\n")
    with pytest.raises(InputError, match="user_id twice"):
        read_watch_ratios(twice, tmp_path / "home")


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
