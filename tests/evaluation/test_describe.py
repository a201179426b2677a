"""The exploratory report: its figures against numpy, its pages, and what every kind of folder gets."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.describe import describe
from evaluation.describe import report
from evaluation.describe.features import Totals, correlations, numbers
from evaluation.describe.pages import Section, Table, html, markdown
from graph import schema
from graph.errors import InputError, SettingsError
from graph.files.daily_features import COUNTS
from tests.graph.files.test_watch_ratios import BIG
from tests.graph.files.test_watch_ratios import folder as kuairec


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))


def _totals(ends: np.ndarray, values: np.ndarray) -> Totals:
    return Totals(*(np.bincount(ends, weights=w).astype(float) for w in (np.ones(len(ends)), values, values**2)))


def test_correlations_from_totals_are_those_over_rows() -> None:
    random = np.random.default_rng(0)
    ends = np.concatenate([np.arange(50), random.integers(0, 50, 950)])
    feature = random.normal(size=50)
    values = feature[ends] + random.normal(size=1000)
    (found,) = correlations(_totals(ends, values), {"x": feature}, None)
    assert found.r == pytest.approx(np.corrcoef(feature[ends], values)[0, 1])
    assert found.held is None


def test_duration_is_found_as_the_reason_or_not() -> None:
    random = np.random.default_rng(1)
    ends = np.concatenate([np.arange(2000), random.integers(0, 2000, 18_000)])
    duration = random.uniform(1, 100, 2000)
    own = random.normal(size=2000)
    values = -np.log(duration)[ends] + 0.8 * own[ends] + 0.5 * random.normal(size=len(ends))
    given = {
        "follows duration": np.log(duration) + 0.3 * random.normal(size=2000),
        "of its own": own,
        "nothing": random.normal(size=2000),
        "minutes": duration / 60,
    }
    verdicts = {one.name: one for one in correlations(_totals(ends, values), given, duration)}
    assert verdicts["follows duration"].r < -0.3
    assert verdicts["follows duration"].verdict == "most of it is duration"
    assert verdicts["of its own"].verdict == "not because of duration"
    assert verdicts["nothing"].verdict == "no more than chance"
    assert verdicts["minutes"].held is None  # it is the duration


def test_chance_is_what_shuffled_features_reach() -> None:
    random = np.random.default_rng(2)
    ends = (100 * random.random(5000) ** 2).astype(int)
    values = random.normal(size=5000) + random.normal(size=100)[ends]
    totals = _totals(ends, values)
    drawn = [correlations(totals, {"x": random.normal(size=100)}, None)[0] for _ in range(200)]
    beyond = np.mean([abs(one.r) > one.chance for one in drawn])
    assert 0.005 < beyond < 0.13


def test_pages_show_texts_as_they_are_and_load_nothing(tmp_path: Path) -> None:
    sections = [Section("A <b>", [Table("t", ("a|b", "n"), [("<script>x</script>", "1")]), "[x](y) *z*"])]
    page = html("T & t", "", sections)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    text = markdown("T", "", sections, tmp_path / "pictures")
    assert "a\\|b" in text
    assert "\\<script>" in text
    assert "\\[x\\](y) \\*z\\*" in text


def test_kuairec_with_its_daily_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    big = []
    for _ in range(400):
        user, video = random.integers(0, 20, 2)
        played, length = int(random.integers(0, 20_000)), int(1000 * (video + 3))
        big.append(f"{user},{video},{played},{length},,20200705,1593878903.4,{played / length}")
    source = kuairec(tmp_path / "rec", big)
    days = [f"{video},20200705,{1000 * video},{','.join(map(str, random.integers(1, 99, 10)))}" for video in range(20)]
    days[0] = days[0].replace("20200705,0,", "20200705,,")
    (source / "item_daily_features.csv").write_text(
        "\n".join([",".join(["video_id", "date", "video_duration", *COUNTS]), *days]) + "\n"
    )
    (source / "video_raw.csv").touch()
    describe(source, out=tmp_path / "told")
    assert "watch ratios" in capsys.readouterr().out
    page = (tmp_path / "told" / "describe.html").read_text()
    assert page.count("<section") == 10
    assert not re.search(r'(src|href)="(?!data:image/png|#)', page)
    assert "width=device-width" in page
    text = (tmp_path / "told" / "describe.md").read_text()
    for picture in re.findall(r"\((pictures/[^)]+)\)", text):
        assert (tmp_path / "told" / picture).read_bytes().startswith(b"\x89PNG")
    assert "held out, which only judges: mean | 0.9" in text
    assert "Not read: video\\_raw.csv." in text
    assert "item\\_daily\\_features.csv: first rows" in text
    assert "| item\\_daily\\_features.csv.video\\_duration | 1 | 5.0 % |" in text
    assert re.search(r"\| video\\_duration \| Int64 \| 19 \| 10,?000 ", text), "19 days tell it"
    people = pl.read_parquet(tmp_path / "told" / "users.parquet")
    assert "register_days" in people.columns
    assert {"user_active_degree", "onehot_feat1"} < {*people.columns}
    assert not {*numbers(people)} & {*schema.FEATURE_CATEGORIES}, "codes have no order"
    assert "Relationships without properties: HAS\\_GENRE: 4." in text
    contents = pl.read_parquet(tmp_path / "told" / "contents.parquet").sort("id")
    rows = pl.read_csv("\n".join(["user,video,played,length,x,date,at,ratio", *big]).encode())
    means = rows.group_by("video").agg(pl.col("ratio").mean(), pl.len(), pl.col("user").n_unique())
    means = means.with_columns(("keaks/" + pl.col("video").cast(pl.String)).alias("id")).sort("id")
    np.testing.assert_allclose(contents["mean value"].drop_nulls(), means["ratio"], rtol=1e-5)
    assert contents["rows"].sum() == 400
    assert contents.filter(pl.col("rows") > 0)["distinct users"].to_list() == means["user"].to_list()
    assert {"show_cnt", "engagement", "mean watch ratio"} <= set(contents.columns)
    lengths = contents.filter(pl.col("id").is_in(["keaks/3", "keaks/15"])).sort("id")["video_duration"]
    assert lengths.to_list() == [15_000.0, 3_000.0]


def test_tables_hold_every_column_in_a_form_to_read(tmp_path: Path) -> None:
    """They held numbers alone: no text, no list, and times as milliseconds since 1970."""
    users = [
        {
            "userId": "u1",
            "username": "Ana",
            "createdAt": "2020-01-01T00:00:00Z",
            "usedGenres": [{"id": "g2", "name": "trap"}, {"id": "g1", "name": "drill"}],
            "isSinger": True,
        },
        {"userId": "u2", "friendCount": 3},
    ]
    keaks = [{"keakId": "k1", "hashtags": ["b", "a"], "contentType": "dance"}]
    beats = [{"beatId": "b1", "licenceType": ["x", "y"]}]
    for name, rows in (("users", users), ("keaks", keaks), ("beats", beats)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (tmp_path / "audiences.csv").write_text(
        "userId,contentId,timestamp,progress,liked,commented,shared\nusers/u1,keaks/k1,2020-01-02T00:00:00,50,true,,\n"
    )
    describe(tmp_path, out=tmp_path / "csv", csv=True)
    told = {row["id"]: row for row in pl.read_csv(tmp_path / "csv" / "users.csv").iter_rows(named=True)}
    assert told["u1"]["name"] == "Ana"
    assert told["u1"]["createdAt"] == "2020-01-01T00:00:00Z"
    assert told["u1"]["usedGenres"] == "drill; trap"
    assert (told["u1"]["isSinger"], told["u2"]["friendCount"], told["u2"]["usedGenres"]) == (True, 3, None)
    contents = {row["id"]: row for row in pl.read_csv(tmp_path / "csv" / "contents.csv").iter_rows(named=True)}
    assert (contents["keaks/k1"]["contentType"], contents["keaks/k1"]["hashtags"]) == ("dance", "a; b")
    assert contents["beats/b1"]["licenceType"] == "x; y"
    describe(tmp_path, out=tmp_path / "parquet")
    people = pl.read_parquet(tmp_path / "parquet" / "users.parquet").sort("id")
    assert people["createdAt"][0] == datetime(2020, 1, 1, tzinfo=UTC)
    assert people["usedGenres"].to_list() == [["drill", "trap"], None]


def test_a_heat_map_says_which_features_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = kuairec(tmp_path / "rec", BIG * 3)
    columns = [f"{video},20200705,9,{','.join(str(video + at) for at in range(10))}" for video in (10, 11, 12)]
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    (source / "item_daily_features.csv").write_text("\n".join([header, *columns]) + "\n")
    monkeypatch.setattr(report, "_FEATURES", 4)
    describe(source, out=tmp_path / "told")
    text = (tmp_path / "told" / "describe.md").read_text()
    assert "each content once; the first 4 of" in text


def test_playlists_logs_keakr_and_pairs(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    tracks = [
        {
            "pos": at,
            "track_uri": f"spotify:track:{at}",
            "track_name": "A|B",
            "artist_uri": "spotify:artist:1",
            "artist_name": "C",
        }
        for at in range(5)
    ]
    lists = [{"pid": pid, "name": "n", "tracks": tracks[pid % 3 :]} for pid in range(9)]
    (tmp_path / "lists" / "mpd.slice.0-999.json").write_text(json.dumps({"playlists": lists}))
    (tmp_path / "logs").mkdir()
    plays = [
        {
            "message": "last" if at % 4 == 3 else "next",
            "timestamp": 1_740_067_000_000 + at,
            "user": at // 8,
            "track": (at * 3) % 7,
            "time": (at % 5) / 4,
            "latency": 0.1,
            "recommendation": (at * 3 + 3) % 7,
            "experiments": {"X": "C"},
        }
        for at in range(64)
    ]
    (tmp_path / "logs" / "data.json").write_text("\n".join(map(json.dumps, plays)) + "\n")
    (tmp_path / "keakr").mkdir()
    watches = [
        f"users/{at % 7},keaks/{at % 11},2020-01-01T00:00:00,{(at * 37) % 100},{at % 2 == 0},," for at in range(77)
    ]
    (tmp_path / "keakr" / "audiences.csv").write_text(
        "userId,contentId,timestamp,progress,liked,commented,shared\n" + "\n".join(watches) + "\n"
    )
    (tmp_path / "pairs.csv").write_text("user,item\n" + "\n".join(f"{at % 7},{at % 11}" for at in range(77)) + "\n")
    describe(tmp_path / "keakr", out=tmp_path / "a", csv=True)
    assert "How much of it was watched is said by the progress" in (tmp_path / "a" / "describe.md").read_text()
    assert pl.read_csv(tmp_path / "a" / "users.csv")["rows"].to_list() == [11.0] * 7
    describe(tmp_path / "lists")
    text = (tmp_path / "home" / "describe" / "lists" / "describe.md").read_text()
    assert "playlists with a row | 9 of 9" in text
    assert "· A\\|B | 9 |" in text
    describe(tmp_path / "logs")
    text = (tmp_path / "home" / "describe" / "logs" / "describe.md").read_text()
    assert "share heard: rows | 64" in text
    assert "No duration is known" in text or "duration held" not in text
    describe(pairs=tmp_path / "pairs.csv")
    text = (tmp_path / "home" / "describe" / "pairs.csv" / "describe.md").read_text()
    assert "No row says how much was watched" in text
    assert "density: different pairs of all that could be | 100.0000 %" in text


def test_half_a_character_is_shown_as_a_question_mark(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"keakr \xff")
    source.mkdir()
    row = '{"keakId": "1", "title": "Hi \\ud83d", "hashtags": ["\\ud83d"], "\\ud83d": 1}\n'
    (source / "keaks.jsonl").write_text(row + '{"keakId": "2"}\n')
    describe(source, out=tmp_path / "told")
    page = (tmp_path / "told" / "describe.html").read_text()
    assert "Hi ?" in page


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path) -> None:
    source = kuairec(tmp_path / "rec")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    with pytest.raises(SettingsError, match="holds no report"):
        describe(source, out=mine)
    assert (mine / "thesis.txt").read_text() == "all of it"
    with pytest.raises(InputError, match="nothing to import"):
        describe(mine, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(SettingsError, match="either a folder"):
        describe()
