"""Files in, checked tables out: every shape that is allowed, and what happens to rows that are not."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import InputError
from graph.files.ids import IdMap
from graph.files.tables import Known, Tables, read_folder, read_pairs
from graph.files.times import milliseconds
from graph.load import watch
from tests.graph.keakr import AUDIENCES, FOLLOWERS, KEAKS, USERS, folder, lines, of, only, quarantined


def edges(tables: Tables, type_: str, source: str = "User", target: str = "Content") -> set[tuple[str, str]]:
    """The pairs of ids of one type."""
    frame = tables.edges[type_]
    return set(
        zip(
            tables.ids[source].gather(frame["source"]).to_list(),
            tables.ids[target].gather(frame["target"]).to_list(),
            strict=True,
        )
    )


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_five_files_become_nodes_and_relationships(tmp_path: Path) -> None:
    tables, report = read_folder(folder(tmp_path / "in"), tmp_path)
    users = tables.nodes["User"].to_dicts()
    assert [user["userId"] for user in users] == ["1", "2", "3"]
    assert users[0]["createdAt"] == ms("2021-03-04T05:06:07.123+00:00")
    assert users[0]["likeCount"] == 3
    assert users[0]["isSinger"] is True
    assert users[1]["likeCount"] is None
    contents = {row["contentId"]: row for row in tables.nodes["Content"].to_dicts()}
    assert {key: row["kind"] for key, row in contents.items()} == {
        "keaks/10": "keak", "keaks/11": "keak", "beats/20": "beat",
    }  # fmt: skip
    assert contents["keaks/10"]["averageViewProgress"] == 0.25
    assert contents["keaks/10"]["keakId"] == "10"
    assert contents["beats/20"]["licenceType"] == ["free"]
    assert tables.nodes["Genre"].to_dicts() == [{"genreId": "7", "name": "rap"}]
    assert tables.nodes["Hashtag"]["name"].to_list() == ["love", "night"]
    assert edges(tables, "FOLLOWS", target="User") == {("1", "2"), ("2", "3")}
    assert edges(tables, "MADE") == {("3", "keaks/10"), ("2", "beats/20")}
    assert edges(tables, "USES", "Content") == {("keaks/10", "beats/20")}
    assert edges(tables, "HAS_GENRE", "Content", "Genre") == {("beats/20", "7")}
    assert edges(tables, "HAS_MOOD", "Content", "Mood") == {("beats/20", "1")}
    assert edges(tables, "TAGGED", "Content", "Hashtag") == {("keaks/10", "love"), ("keaks/10", "night")}
    # A genre that is only named is the one that another list gives an id.
    assert edges(tables, "LISTENS_TO", target="Genre") == edges(tables, "CREATES_IN", target="Genre") == {("1", "7")}
    assert report.quarantine is None


def test_repeated_watches_are_folded(tmp_path: Path) -> None:
    tables, report = read_folder(folder(tmp_path / "in"), tmp_path)
    watched = tables.edges["WATCHED"].row(0, named=True)
    assert watched["progress"] == 0.5
    assert (watched["liked"], watched["commented"], watched["shared"]) == (True, True, False)
    assert watched["watchCount"] == 2
    assert watched["firstAt"] == ms("2021-06-01T10:00:00.500+00:00")
    assert watched["lastAt"] == ms("2021-06-03T10:00:00+00:00")
    counts = of(report, "audiences.csv")
    assert (counts.read, counts.loaded, counts.merged) == (3, 2, 1)


BARE = AUDIENCES.replace("users/", "").replace("keaks/", "")
PAIRS_ONLY = "users/1,keaks/10\nusers/2,beats/20\n"


@pytest.mark.parametrize(
    "audiences",
    [
        pytest.param(AUDIENCES.split("\n", 1)[1], id="no header"),
        pytest.param(BARE, id="bare ids"),
        pytest.param(PAIRS_ONLY, id="two columns"),
        pytest.param("userId,contentId\n" + PAIRS_ONLY, id="two columns with a header"),
        pytest.param("_from;_to\nusers/1;keaks/10\nusers/2;beats/20", id="semicolons, no last newline"),
        pytest.param("contentId,userId\nkeaks/10,users/1\nbeats/20,users/2\n", id="other order"),
        pytest.param("users/1,keaks/10,,,,,\nusers/2,beats/20,,,,,\n", id="empty values"),
        pytest.param('"users/1","keaks/10"\r\n"users/2","beats/20"\r\n', id="quotes and CRLF"),
        pytest.param(
            "\ufeffuserId\tcontentId\nusers/1\tkeaks/10\n\nusers/2\tbeats/20\n\n", id="BOM, tabs, blank lines"
        ),
        pytest.param("users/1,keaks/10,null,NaN,None,,null\nusers/2,20\n", id="spelled nulls, a bare beat"),
        pytest.param(
            "userId,contentId,device\nusers/1,keaks/10,a\nusers/2,beats/20,b\n", id="a column nobody asked for"
        ),
    ],
)
def test_audiences_come_in_many_shapes(tmp_path: Path, audiences: str) -> None:
    tables, report = read_folder(folder(tmp_path / "in", audiences=audiences), tmp_path)
    assert edges(tables, "WATCHED") == {("1", "keaks/10"), ("2", "beats/20")}
    assert report.quarantine is None


@pytest.mark.parametrize("key", ["userId", "id", "_id", "_key"])
@pytest.mark.parametrize("value", ["1", 1, "users/1", 1.0])
def test_ids_may_be_spelled_in_several_ways(tmp_path: Path, key: str, value: object) -> None:
    tables, _ = read_folder(only(tmp_path / "in", users=json.dumps({key: value})), tmp_path)
    assert tables.nodes["User"]["userId"].to_list() == ["1"]


@pytest.mark.parametrize("packing", ["gz", "zst", "parquet"])
def test_packed_files_read_like_plain_ones(tmp_path: Path, packing: str) -> None:
    plain, _ = read_folder(folder(tmp_path / "in"), tmp_path)
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in (tmp_path / "in").iterdir():
        if packing == "gz":
            (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        elif packing == "zst":
            (packed / f"{path.name}.zst").write_bytes(zstandard.compress(path.read_bytes()))
        else:
            frame = (
                pl.read_ndjson(path, infer_schema_length=None)
                if path.suffix == ".jsonl"
                else pl.read_csv(path, has_header=path.stem == "audiences", try_parse_dates=True)
            )
            if path.stem == "followers":
                frame = frame.rename(dict(zip(frame.columns, ("follower", "followed", "timestamp"), strict=True)))
            frame.write_parquet(packed / f"{path.stem}.parquet")
    tables, report = read_folder(packed, tmp_path)
    assert report.quarantine is None
    for label, nodes in plain.nodes.items():
        assert tables.nodes[label].equals(nodes), label
    for type_, frame in plain.edges.items():
        assert tables.edges[type_].equals(frame), type_


def test_relationship_files_alone_make_their_nodes(tmp_path: Path) -> None:
    tables, _ = read_folder(only(tmp_path / "in", followers="1,2\n", audiences="3,keaks/9\n1,beats/4\n"), tmp_path)
    assert tables.nodes["User"]["userId"].to_list() == ["1", "2", "3"]
    assert tables.nodes["Content"].select("contentId", "kind").rows() == [("beats/4", "beat"), ("keaks/9", "keak")]


def test_bad_rows_are_kept_with_file_line_and_reason(tmp_path: Path) -> None:
    bad = {
        "users": lines(USERS) + '{"userId": \n[1]\n{"createdAt": null}\n{"userId": "keaks/4"}\n',
        "followers": FOLLOWERS + "users/1,users/1,\nusers/1,keaks/2,\n,users/2,\nusers/1,users/99,\n"
        "users/1,users/3,soon\nusers/1,users/2,2020-01-01T00:00:00Z\n",
        "audiences": AUDIENCES + "users/1,keaks/11,,-1.5,,,\nusers/1,keaks/11,,much,,,\nusers/1,keaks/11,,,maybe,,\n"
        "users/1,users/2,,,,,\nusers/1,keaks/99,,,,,\nusers/1,keaks/11,,,,,,surplus\nusers/1\nusers/1,tracks/11,,,,,\n",
    }  # fmt: skip
    tables, report = read_folder(folder(tmp_path / "in", **bad), tmp_path)
    found = {(row["file"], row["line"]): row["reason"] for row in quarantined(report)}
    assert found == {
        ("users.jsonl", 4): "not valid JSON",
        ("users.jsonl", 5): "not a JSON object",
        ("users.jsonl", 6): "userId is missing",
        ("users.jsonl", 7): "userId has a wrong prefix, expected users/",
        ("followers.csv", 3): "follows itself",
        ("followers.csv", 4): "followed has a wrong prefix, expected users/",
        ("followers.csv", 5): "follower is missing",
        ("followers.csv", 6): "followed: no such user",
        ("followers.csv", 7): "timestamp is not a time",
        ("audiences.csv", 5): "progress is outside 0..100",
        ("audiences.csv", 6): "progress is not a number",
        ("audiences.csv", 7): "liked is neither true nor false",
        ("audiences.csv", 8): "contentId has a wrong prefix, expected keaks/ or beats/",
        ("audiences.csv", 9): "contentId: no such content",
        ("audiences.csv", 10): "more fields than columns",
        ("audiences.csv", 11): "contentId is missing",
        ("audiences.csv", 12): "contentId has a wrong prefix, expected keaks/ or beats/",
    }
    raw = {(row["file"], row["line"]): row["raw"] for row in quarantined(report)}
    assert raw["followers.csv", 4] == "users/1,keaks/2,"
    for file in report.files:
        assert file.read == file.loaded + file.merged + file.quarantined + file.dangling
    follows, watches = of(report, "followers.csv"), of(report, "audiences.csv")
    assert (follows.read, follows.loaded, follows.merged, follows.quarantined, follows.dangling) == (8, 2, 1, 4, 1)
    assert (watches.quarantined, watches.dangling) == (7, 1)
    since = tables.edges["FOLLOWS"].row(0, named=True)["since"]
    assert since == ms("2021-06-01T00:00:00+00:00"), "the later of the two"


def test_an_unreadable_value_costs_the_value_not_the_node(tmp_path: Path) -> None:
    odd = [{"userId": "1", "likeCount": "many", "createdAt": "yesterday", "isSinger": "yes?", "usedGenres": 3}]
    keaks = [{**KEAKS[0], "userId": "404"}]
    tables, report = read_folder(folder(tmp_path / "in", users=lines([*odd, *USERS[1:]]), keaks=lines(keaks)), tmp_path)
    assert tables.nodes["User"].row(0, named=True)["likeCount"] is None
    notes = quarantined(report)
    assert all(note["loaded"] for note in notes if note["file"].endswith(".jsonl"))
    assert of(report, "users.jsonl").noted == 4
    assert of(report, "keaks.jsonl").noted == 1
    assert of(report, "users.jsonl").loaded == 3


def test_the_last_of_repeated_nodes_counts(tmp_path: Path) -> None:
    twice = lines([{"userId": "1", "likeCount": 1}, {"userId": "1", "likeCount": 2}])
    tables, report = read_folder(only(tmp_path / "in", users=twice), tmp_path)
    assert tables.nodes["User"].select("userId", "likeCount").rows() == [("1", 2)]
    assert of(report, "users.jsonl").merged == 1


def test_rows_may_name_what_the_graph_knows(tmp_path: Path) -> None:
    known = Known(pl.Series(["77"]), pl.Series(["keaks/88"]))
    rows = "users/77,keaks/88\nusers/77,keaks/10\nusers/78,keaks/10\n"
    tables, report = read_folder(folder(tmp_path / "in", audiences=rows), tmp_path, known)
    assert edges(tables, "WATCHED") == {("77", "keaks/88"), ("77", "keaks/10")}
    assert "77" not in tables.nodes["User"]["userId"].to_list()
    assert of(report, "audiences.csv").dangling == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("audiences.csv.gz", gzip.compress(AUDIENCES.encode() * 500)[:-40], id="truncated gzip"),
        pytest.param("audiences.csv.zst", zstandard.compress(AUDIENCES.encode() * 50)[:-4], id="truncated zstandard"),
        pytest.param("audiences.csv.gz", b"no gzip at all", id="not gzip"),
        pytest.param("users.parquet", b"PAR1 cut short", id="truncated Parquet"),
        pytest.param("audiences.csv", b"userId,what,which\nusers/1,1,2\n", id="a header without the content"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_folder(tmp_path / "in", tmp_path / "home")
    assert name in error.value.what
    assert error.value.do
    assert not list((tmp_path / "home").rglob("*.jsonl"))


def test_a_folder_with_nothing_usable_says_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"users\.jsonl, keaks\.jsonl, beats\.jsonl, followers\.csv, audiences\.csv"):
        read_folder(tmp_path, tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_folder(tmp_path / "nowhere", tmp_path)


def test_one_file_in_two_forms_is_refused(tmp_path: Path) -> None:
    only(tmp_path / "in", users=lines(USERS))
    (tmp_path / "in" / "users.jsonl.gz").write_bytes(gzip.compress(lines(USERS).encode()))
    with pytest.raises(InputError, match="twice"):
        read_folder(tmp_path / "in", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("user,item\n1,10\n2,20\n", id="header"),
        pytest.param("1,10\n2,20", id="none"),
        pytest.param("1\t10\t1\n2\t20\t5\n", id="ratings"),
        pytest.param("1 10 1262304000\n2  20 1262304000\n", id="spaces"),
        pytest.param("userID\tartistID\tweight\n1\t10\t3\n2\t20\t4\n", id="foreign header"),
        pytest.param("node_1,node_2\n1,10\n2,20\n", id="foreign header with digits"),
    ],
)
def test_pairs_come_in_many_shapes(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs").write_text(text)
    (tmp_path / "friends").write_text("user,friend\n1,2\n2,1\n")
    tables, report = read_pairs(tmp_path / "pairs", tmp_path / "friends", tmp_path)
    assert edges(tables, "WATCHED") == {("1", "keaks/10"), ("2", "keaks/20")}
    assert edges(tables, "FOLLOWS", target="User") == {("1", "2"), ("2", "1")}
    assert report.quarantine is None


@pytest.mark.parametrize(
    ("friends", "found"),
    [
        pytest.param("user,followed_by\n1,2\n", {("2", "1")}, id="the followed one first"),
        pytest.param("followed_by,user\n2,1\n", {("2", "1")}, id="the follower first"),
        pytest.param("user,follower\n1,2\n", {("2", "1")}, id="a follower"),
        pytest.param("user,following\n1,2\n", {("1", "2")}, id="the one whom they follow"),
        pytest.param("user_id,friend_id,followed_by\n1,2,0\n2,1,1\n", {("1", "2"), ("2", "1")}, id="a flag"),
        pytest.param("from,to,followed_by\n1,2,2\n", {("1", "2")}, id="a third person"),
        pytest.param("friend,followed_by\n1,2\n", {("2", "1")}, id="the friend first"),
    ],
)
def test_who_follows_whom_is_what_the_header_says(tmp_path: Path, friends: str, found: set[tuple[str, str]]) -> None:
    (tmp_path / "pairs").write_text("user,item\n1,10\n2,20\n")
    (tmp_path / "friends").write_text(friends)
    tables, _ = read_pairs(tmp_path / "pairs", tmp_path / "friends", tmp_path)
    assert edges(tables, "FOLLOWS", target="User") == found


def test_pairs_of_lastfm(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "lastfm"
    _, report = read_pairs(source / "interactions.csv", source / "follows.csv", tmp_path)
    assert report.relationships == {"FOLLOWS": 25_434, "WATCHED": 74_267}
    assert report.nodes["User"] == 1_892


LATER = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp() * 1000)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(deadline=None)
@given(MOMENTS, st.integers(0, 9), st.sampled_from(["Z", "", "+00:00", "+02:00", "-05:30"]), st.sampled_from("T "))
def test_times_of_every_layout(at: datetime, digits: int, zone: str, middle: str) -> None:
    local = at
    if zone[:1] in "+-" and zone:
        hours, minutes = int(zone[1:3]), int(zone[4:])
        local = at + timedelta(hours=hours, minutes=minutes) * (1 if zone[0] == "+" else -1)
    fraction = f"{at.microsecond:06d}000"[:digits]
    text = f"{local:%Y-%m-%d}{middle}{local:%H:%M:%S}{'.' + fraction if digits else ''}{zone}"
    values, unread, _ = milliseconds(pl.Series([text]), LATER)
    whole = int(at.replace(microsecond=0).timestamp()) * 1000
    assert values[0] == whole + int((fraction + "000")[:3])
    assert not unread.any()


def test_what_is_no_time_is_said_so() -> None:
    values, unread, doubtful = milliseconds(
        pl.Series(["2021-02-30T00:00:00Z", "later", "", None, "0001-01-01T00:00:00"])
    )
    assert values.null_count() == 5
    assert unread.to_list() == [True, True, False, False, False]
    assert doubtful.to_list() == [False, False, False, False, True]


@settings(deadline=None)
@given(st.lists(st.text("0123456789+ab", max_size=12), max_size=30))
def test_ids_that_look_alike_stay_apart(ids: list[str]) -> None:
    known = IdMap()
    known.add(pl.Series(ids, dtype=pl.String))
    codes = known.codes(pl.Series(ids, dtype=pl.String))
    assert known.ids.gather(codes).to_list() == ids
    assert len(known) == len(set(ids))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 3), st.none() | st.integers(0, 9),
            st.none() | st.sampled_from([0.0, 0.5, 1.0]), st.none() | st.booleans(),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_folding_agrees_with_a_naive_loop(rows: list[tuple[int, int, int | None, float | None, bool | None]]) -> None:
    frame = pl.DataFrame(
        rows,
        schema={"s": pl.Int32, "t": pl.Int32, "at": pl.Int64, "progress": pl.Float32, "liked": pl.Boolean},
        orient="row",
    ).with_columns(commented=None, shared=pl.col("liked"))
    frame = frame.with_columns(pl.col("commented").cast(pl.Boolean))
    watched, _ = watch.watched(frame["s"].to_numpy(), frame["t"].to_numpy(), frame)
    naive: dict[tuple[int, int], list[tuple[int | None, float | None, bool | None]]] = {}
    for s, t, at, progress, liked in rows:
        naive.setdefault((s, t), []).append((at, progress, liked))
    assert watched.select("source", "target").rows() == sorted(naive)
    for row in watched.to_dicts():
        parts = list(zip(*naive[row["source"], row["target"]], strict=True))
        times, progresses, likes = ([value for value in part if value is not None] for part in parts)
        assert row["watchCount"] == max(1, len(set(times)))
        assert (row["firstAt"], row["lastAt"]) == (min(times, default=None), max(times, default=None))
        assert row["progress"] == max(progresses, default=None)
        assert row["liked"] == row["shared"] == (any(likes) if likes else None)
        assert row["commented"] is None
    assert np.all(np.diff(watched["source"]) >= 0)
